"""The lists that attacks are mapped to.

OWASP's Top 10 for LLM applications of 2026 (https://genai.owasp.org/resource/owasp-genai-llm-top-10-2026/), and the twelve risks of NIST AI
600-1, "Artificial Intelligence Risk Management Framework: Generative Artificial Intelligence Profile", 2024, section 2
(https://doi.org/10.6028/NIST.AI.600-1).
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CATEGORIES", "NIST", "OWASP"]

OWASP: Mapping[str, str] = {
    "LLM01": "prompt injection",
    "LLM02": "sensitive information disclosure",
    "LLM03": "excessive agency",
    "LLM04": "supply chain",
    "LLM05": "data and model poisoning",
    "LLM06": "unbounded consumption",
    "LLM07": "misinformation",
    "LLM08": "hidden context exposure",
    "LLM09": "vector and embedding weaknesses",
    "LLM10": "improper output handling",
}
NIST: Mapping[str, str] = {
    "cbrn": "CBRN information or capabilities",
    "confabulation": "confabulation",
    "dangerous-content": "dangerous, violent or hateful content",
    "data-privacy": "data privacy",
    "environment": "environmental impacts",
    "bias": "harmful bias or homogenization",
    "human-ai": "human-AI configuration",
    "information-integrity": "information integrity",
    "information-security": "information security",
    "intellectual-property": "intellectual property",
    "obscene-content": "obscene, degrading or abusive content",
    "value-chain": "value chain and component integration",
}
CATEGORIES: Mapping[str, str] = {
    "injection-direct": "orders in the asker's own words that turn the model against its instructions",
    "injection-documents": "orders in a document that somebody else's question finds",
    "injection-tools": "orders in what a tool returns",
    "jailbreak": "stories and roles under which a model is to drop its rules",
    "leakage-users": "what another user of the tenant alone may read",
    "leakage-tenants": "what another tenant alone may read",
    "extraction": "the instructions that the model was given",
    "agency": "effects that nobody who may ask for them asked for",
    "consumption": "more time, tokens, money or calls than a turn may take",
    "harmful": "content that does harm, with benign look-alikes beside it",
    "misinformation": "claims that nothing supports",
    "output": "answers that act on whoever shows them",
    "production": "what was flagged, blocked or denied in use",
}
"""The suites, and what each is after."""
