"""The same person, the same arm: weighted rendezvous hashing (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA
2005). Nothing is stored; an arm that is added takes its share from each of the others and moves nobody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import log

from aver.gateway.config.types import Route
from aver.gateway.routing.choices import Choice, Ranked
from aver.gateway.routing.types import Situation

__all__ = ["order"]


def order(
    route: Route, choices: Sequence[Choice], situation: Situation, draw: float, _scores: Mapping[str, float]
) -> tuple[list[Ranked], float]:
    person = "\0".join(situation.tenant if part == "tenant" else situation.user for part in route.sticky)
    total = sum(choice.weight for choice in choices)
    # Each arm arrives after an exponential time with its weight as rate; the first to arrive is drawn in proportion to its weight.
    arrivals = sorted((-log(_uniform(route.name, choice.name, person)) / choice.weight, choice) for choice in choices)
    return [Ranked(choice, 0.0, choice.weight / total) for _, choice in arrivals], draw


def _uniform(route: str, arm: str, person: str) -> float:
    """Strictly between 0 and 1, the same in every process."""
    digest = blake2b(f"{route}\0{arm}\0{person}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return ((int.from_bytes(digest) >> 12) + 0.5) / 2**52
