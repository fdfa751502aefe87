"""Presidio's recognisers as a detector (https://microsoft.github.io/presidio/analyzer/).

Needs the extra ``presidio``. Without a spaCy model of your own only recognisers that need none are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aver.core.errors import MissingExtra
from aver.guard.overlaps import resolved
from aver.guard.types import Finding

__all__ = ["Presidio"]


class Presidio:
    """A :class:`~aver.guard.types.Detector`. ``analyzer`` is an ``AnalyzerEngine`` of your own; by default one is made with its recognisers
    of patterns and checks, for English."""

    name = "presidio"

    def __init__(self, analyzer: Any = None, *, language: str = "en", entities: Sequence[str] = ()) -> None:
        self._analyzer = analyzer or _default(language)
        self._language = language
        self._entities = list(entities) or None

    def find(self, text: str) -> Sequence[Finding]:
        results = self._analyzer.analyze(text=text, language=self._language, entities=self._entities)
        return resolved(
            Finding(str(each.entity_type), int(each.start), int(each.end), min(1.0, float(each.score)))
            for each in results
        )


def _default(language: str) -> Any:
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
    except ImportError:
        raise MissingExtra("presidio-analyzer", "presidio") from None

    class Blank(SpacyNlpEngine):  # type: ignore[misc]
        """Words without a model: nothing is downloaded."""

        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": language, "model_name": "blank"}])
            self.nlp = {language: spacy.blank(language)}

        def process_text(self, text: str, language: str) -> Any:
            document = self.nlp[language](text)
            words = [token.text for token in document]
            return NlpArtifacts([], document, [token.idx for token in document], words, self, language, [])

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=[language])
    registry.remove_recognizer("SpacyRecognizer")
    return AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=[language])
