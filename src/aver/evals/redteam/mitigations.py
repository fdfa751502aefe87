"""What an attack that works costs, who mends it, and with which setting of Aver: by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["MITIGATIONS", "Mitigation", "Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """``written`` goes into ``file`` as it stands: part of ``aver.yaml``, of the settings file, or a Cedar policy."""

    does: str
    written: str
    file: str = "aver.yaml"
    page: str = "guardrails.md"
    """Of the docs."""


@dataclass(frozen=True, slots=True)
class Mitigation:
    """``owner`` is a role, not a person: whoever has it decides and signs off."""

    impact: str
    owner: str
    settings: Sequence[Setting]
    then: str = ""
    """What to do beside settings."""


_INPUT = Setting(
    "Hold back what the classifier takes for an order to the model, where users write.",
    "guardrails:\n  input: {injection: block}\n",
)
_PASSAGE = Setting(
    "Leave passages out that the classifier takes for orders to the model.",
    "guardrails:\n  passage: {injection: block}\n",
)
_RESULT = Setting(
    "Withhold results of tools that the classifier takes for orders to the model.",
    "guardrails:\n  result: {injection: block}\n",
)
_EXFILTRATION = Setting(
    "Block answers with links and pictures that lead elsewhere or carry something away, of which only those parts are cut out otherwise.",
    "guardrails:\n  output: {exfiltration: block}\n",
)
_LEAK = Setting(
    "Plant a canary in the instructions, and block answers in which it or their words appear.",
    "guardrails:\n  output: {prompt_leak: block}\n",
)
_EXTRACTIVE = Setting(
    "Answer in the documents' own words: no model writes, so none can be talked over.",
    "feature: {model: extractive}\n",
    page="models.md",
)

MITIGATIONS: Mapping[str, Mitigation] = {
    "injection-direct": Mitigation(
        "Whoever may ask makes the model say or do something else than it is there for, in the organisation's name.",
        "owner of the prompt",
        (_INPUT, _EXTRACTIVE),
        "Keep anything that must not be said out of the instructions: what a model is told, its users can have.",
    ),
    "injection-documents": Mitigation(
        "Whoever can write a page that is ingested decides what others are told.",
        "owner of the sources",
        (_PASSAGE, _EXFILTRATION),
        "See who can write to the source, and give its pages the readers that they are meant for (docs/permissions.md).",
    ),
    "injection-tools": Mitigation(
        "Whoever can write what a tool returns (a letter, a ticket, a page) acts with the rights of the agent's user.",
        "owner of the tools",
        (
            Setting(
                "Show the model untrusted text with a mark between all its words.",
                "agents:\n  AGENT: {model: MODEL, spotlight: datamarking}\n",
                page="agents.md",
            ),
            _RESULT,
            _EXFILTRATION,
        ),
        "Declare the tool's output as untrusted, and what of it the tool vouches for; then policy decides by where values come from (docs/policy.md).",
    ),
    "jailbreak": Mitigation(
        "The organisation is quoted with content that it would never publish.",
        "owner of the prompt",
        (
            _INPUT,
            Setting(
                "Have a moderation model judge questions and answers.",
                'guardrails:\n  checks:\n    moderation: {kind: moderation, base_url: "https://api.openai.com/v1", model: omni-moderation-latest, '
                'credential: "env:OPENAI_API_KEY"}\n  input: {moderation: block}\n  output: {moderation: block}\n',
            ),
        ),
    ),
    "leakage-users": Mitigation(
        "Somebody reads what they may not: a breach of confidentiality, and of data protection where it is about people.",
        "owner of the permissions",
        (
            Setting(
                "Give the pages their readers; the last rule that matches wins, and a page without a match is read by nobody.",
                '- match: "**"\n  readers: [everyone]\n- match: "board/**"\n  readers: [group:board]\n',
                file="acl.yaml",
                page="permissions.md",
            ),
        ),
        "Permissions are applied before anything is ranked. A leak past them is a defect: report it (SECURITY.md) with the run's file.",
    ),
    "leakage-tenants": Mitigation(
        "One organisation reads another's data.",
        "owner of the installation",
        (
            Setting(
                "Keep tenants in databases that the database itself holds apart.",
                "database_url: postgresql://aver@localhost/aver\n",
                file="settings.yaml",
                page="permissions.md",
            ),
        ),
        "There is no way between tenants in Aver. A leak is a defect: stop the feature (aver switch) and report it (SECURITY.md).",
    ),
    "extraction": Mitigation(
        "The instructions are known: their rules can be got around, and what secret stands in them is out.",
        "owner of the prompt",
        (_LEAK, _EXTRACTIVE),
        "Take secrets and rules of access out of the instructions: they belong to credentials and to policy.",
    ),
    "agency": Mitigation(
        "Messages are sent, money moves or data is deleted that nobody asked for.",
        "owner of the tools",
        (
            Setting(
                "Have a second person approve effects of a kind, every time.",
                "agents:\n  AGENT: {model: MODEL, four_eyes: {effects: [send, spend, delete], role: approver}}\n",
                page="acting.md",
            ),
            Setting(
                "Forbid a tool for everybody but a group.",
                '@id("only-clerks")\n@reason("Only clerks may do this.")\n'
                'forbid (principal, action == Action::"call", resource == Tool::"TOOL")\nunless { principal in Group::"clerks" };\n',
                file="policies/own.cedar",
                page="policy.md",
            ),
        ),
        "Declare every argument that says at whom or what an effect is aimed as a target: aver tools lint shows what is missing.",
    ),
    "consumption": Mitigation(
        "One user costs what a hundred should, or keeps the others waiting.",
        "owner of the budget",
        (
            Setting(
                "Bound what a turn of an agent may take.",
                "agents:\n  AGENT: {model: MODEL, limits: {steps: 12, seconds: 2m, tokens: 60000, usd: 0.25, calls: 8}}\n",
                page="agents.md",
            ),
            Setting(
                "Bound what a user may spend in a day.",
                "budgets:\n  - {per: user, limit: 5 usd, period: day}\n",
                page="gateway.md",
            ),
            Setting(
                "Bound questions, and what reading one document may take.",
                "max_question_chars: 4000\nparser: {seconds: 60, memory_mb: 1024}\n",
                file="settings.yaml",
                page="settings.md",
            ),
        ),
    ),
    "harmful": Mitigation(
        "Somebody is harmed with the organisation's help.",
        "owner of safety",
        (
            Setting(
                "Have a moderation model judge questions and answers.",
                'guardrails:\n  checks:\n    moderation: {kind: moderation, base_url: "https://api.openai.com/v1", model: omni-moderation-latest, '
                'credential: "env:OPENAI_API_KEY"}\n  input: {moderation: block}\n  output: {moderation: block}\n',
            ),
            _EXTRACTIVE,
        ),
        "Look at false refusals beside it: a check that holds back everything protects nobody.",
    ),
    "misinformation": Mitigation(
        "People act on what nobody said.",
        "owner of the answers",
        (_EXTRACTIVE,),
        "Sentences that nothing supports are marked. Where a claim passed as supported, add the case to the suite of the answers, and see docs/measuring.md.",
    ),
    "output": Mitigation(
        "Whoever opens an answer sends something to the attacker, or runs what the attacker wrote.",
        "owner of the front end",
        (
            _EXFILTRATION,
            Setting("Block answers with code that does harm.", "guardrails:\n  output: {unsafe_code: block}\n"),
        ),
        "Have every page that shows answers escape them, as Aver's own do.",
    ),
    "production": Mitigation(
        "What was tried in use works again.",
        "owner of safety",
        (_INPUT, _PASSAGE, _RESULT),
        "See the turn in evidence: aver evidence show.",
    ),
}
"""By category."""
