"""``index.html`` of a pack: its results for people, in one page without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aver.governance.proof.judging import QUERIES

__all__ = ["page_of"]


def page_of(
    manifest: Mapping[str, Any],
    fingerprint: str,
    frameworks: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    anchored: Sequence[Any],
) -> str:
    groups = [
        {**framework, "results": [each for each in results if each["framework"] == framework["framework"]]}
        for framework in frameworks
    ]
    counts = {name: sum(each["outcome"] == name for each in results) for name in ("met", "not_met", "no_data")}
    cannot = {name: query.cannot for name, query in QUERIES.items()}
    return str(
        _template().render(
            manifest=manifest, fingerprint=fingerprint, groups=groups, counts=counts, anchored=anchored, cannot=cannot
        )
    )


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("aver.governance.packs", "")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template("index.html")
