"""Parts of a set that are kept apart: the same every time, alike in what they hold, and with no cluster in two of them.

The assignment is greedy iterative stratification (Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label data", 2011) over
whole groups: the largest first, each to the part that wants most of what it holds.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aver.core.errors import InvalidInput
from aver.evals.datasets.clusters import related
from aver.evals.types import Case

__all__ = ["Split", "label", "split"]

_ALL = "all"


@dataclass(frozen=True, slots=True)
class Split:
    """``cases`` in their order, each with its part. ``largest`` is the share of the largest group that could not be divided: where it is near
    the share of a part, that part is that group."""

    cases: tuple[Case, ...]
    counts: Mapping[str, int]
    largest: float


def label(case: Case) -> str:
    """What kind of case it is: ``answerable``, ``unanswerable``, ``refuse``, ``task`` or ``other``."""
    if case.unanswerable:
        return "unanswerable"
    if case.refuse:
        return "refuse"
    if case.documents or case.answers or case.passages:
        return "answerable"
    return "task" if case.calls is not None or case.state is not None else "other"


def split(cases: Sequence[Case], shares: Mapping[str, float], seed: int = 0, *, again: bool = False) -> Split:
    """Give each case one of the parts of ``shares``, in those proportions, alike in kind, flow, origin and tags. A case that has a part keeps it,
    with all of its group, so that a set can grow without moving what was tested on; ``again`` begins anew.

    Neither the order of the cases nor anything else but the cases, the shares and the seed has a say. Raises
    :class:`~aver.core.errors.InvalidInput` for shares that make no whole and for a group that stands in two parts already.
    """
    _check(shares)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    joined = related(cases)
    for place in range(len(cases)):
        groups[joined.find(place)].append(place)
    holds = {
        group: Counter(each for place in places for each in _strata(cases[place])) for group, places in groups.items()
    }
    whole = sum(holds.values(), Counter())
    wanted = {part: {each: share * count for each, count in whole.items()} for part, share in shares.items()}
    part_of: dict[int, str] = {}
    for group, places in groups.items():
        if kept := "" if again else _kept(cases, places, shares):
            part_of[group] = kept
            _take(wanted[kept], holds[group])
    names = {group: _name(seed, [cases[place].id for place in places]) for group, places in groups.items()}
    for group in sorted(groups, key=lambda each: (-len(groups[each]), names[each])):
        if group not in part_of:
            part = max(shares, key=lambda name: (_wish(wanted[name], holds[group], whole), shares[name], name))
            part_of[group] = part
            _take(wanted[part], holds[group])
    found = tuple(replace(case, split=part_of[joined.find(place)]) for place, case in enumerate(cases))
    counts = Counter(case.split for case in found)
    largest = max(map(len, groups.values()), default=0) / max(1, len(cases))
    return Split(found, {part: counts[part] for part in shares}, largest)


def _check(shares: Mapping[str, float]) -> None:
    if not shares or not all(math.isfinite(share) and share > 0 for share in shares.values()):
        raise InvalidInput("The shares of the parts are not all above zero", "Write such as test=0.3 and train=0.7.")
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise InvalidInput(f"The shares of the parts make {sum(shares.values()):g}", "Let them make 1.")


def _strata(case: Case) -> Iterator[str]:
    yield _ALL
    yield f"kind {label(case)}"
    yield f"origin {case.origin}"
    yield from (f"tag {tag}" for tag in case.tags)
    if case.flow:
        yield f"flow {case.flow}"


def _kept(cases: Sequence[Case], places: Sequence[int], shares: Mapping[str, float]) -> str:
    """The part that the group has already."""
    parts = {cases[place].split: cases[place] for place in places if cases[place].split}
    if len(parts) > 1:
        (one, first), (other, second), *_ = parts.items()
        raise InvalidInput(
            f"{first.place} is in {one!r} and {second.place}, which depends on it, in {other!r}",
            "Put them into one part, or split anew: --again.",
        )
    for part, case in parts.items():
        if part not in shares:
            raise InvalidInput(
                f"{case.place} is in {part!r}, which is no part here", "Add it: --share, or split anew: --again."
            )
        return part
    return ""


def _name(seed: int, ids: Sequence[str]) -> str:
    return hashlib.sha256("\0".join([str(seed), *sorted(ids)]).encode()).hexdigest()


def _wish(wanted: Mapping[str, float], holds: Mapping[str, int], whole: Mapping[str, int]) -> float:
    """How much a part wants a group: of what it holds, how much the part still lacks, the rare counting as much as the common."""
    return sum(min(count, wanted[each]) / whole[each] for each, count in holds.items()) + wanted[_ALL] / whole[_ALL]


def _take(wanted: dict[str, float], holds: Mapping[str, int]) -> None:
    for each, count in holds.items():
        wanted[each] -= count
