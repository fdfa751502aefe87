"""Corrective actions carried out: affected turns made into cases that wait for labels, and conditions written into a bundle's gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from aver.core.errors import Conflict, InvalidInput
from aver.core.ids import new_id
from aver.core.yaml import YamlValue, parse_yaml
from aver.evals.gates.declaration import CONDITION, GATE, parse_condition
from aver.evals.gates.types import Condition
from aver.evals.labelling.promotion import Promoter, Wanted
from aver.evals.labelling.queue import Queue
from aver.evals.labelling.redaction import Redactor
from aver.gateway.config.read import open_bundle
from aver.gateway.config.shapes import keyed
from aver.ops.incidents.corrections import Correction, Proposal
from aver.server.tenancy import TenantServices

__all__ = ["accept", "write_condition"]

_FILE = "aver.yaml"


def accept(
    services: TenantServices, incident: str, proposed: Proposal, *, by: str, bundle: Path | None = None
) -> Correction:
    """Take on what was proposed, and do of it what can be done at once: turns become cases, without what is personal; a condition is written into the gate of
    ``bundle``, where one is given. Raises :class:`~aver.core.errors.Conflict` where no case comes of the turns, and as :func:`write_condition`; then nothing
    is taken on."""
    cases: Sequence[str] = ()
    if proposed.turns:
        cases = _promoted(services, proposed.turns)
    if proposed.condition and bundle is not None:
        write_condition(bundle, parse_condition(proposed.condition))
    return services.operations.corrections.accept(
        incident, proposed.kind, proposed.text, by=by, condition=proposed.condition, cases=cases
    )


def _promoted(services: TenantServices, turns: Sequence[str]) -> list[str]:
    services.outbox.settle()
    queue = Queue(services.store, services.ledger)
    known = [each.case.question for each in queue.all()]
    promoter = Promoter(services.store, services.ledger, Redactor(services.store.master_key()), known, queue.turns())
    cases = queue.add(promoter.promote(Wanted(turns=frozenset(turns), most=len(turns)), lambda: new_id("case")))
    if not cases:
        why = ", ".join(f"{times} {reason}" for reason, times in (+promoter.left_out).items())
        raise Conflict(
            f"No case comes of these turns: {why or 'none can be read'}", "Name others: aver dataset promote."
        )
    return [each.id for each in cases]


def write_condition(bundle: Path, condition: Condition) -> None:
    """Add a condition to the list ``evals: gate:`` of a bundle's file, whose other lines stay as they are. Raises :class:`~aver.core.errors.Conflict` where the
    gate has it, and :class:`~aver.core.errors.InvalidInput` where there is no list with a line for each condition to add to."""
    file = bundle / _FILE if bundle.is_dir() else bundle
    listed = _gate(open_bundle(bundle)[0])
    gate = listed.node if listed is not None else None
    said = yaml.safe_dump(CONDITION.write(condition), default_flow_style=True, sort_keys=False, width=1000).strip()
    by_hand = f"Write it under evals: gate: as - {said}"
    if not isinstance(gate, yaml.SequenceNode) or gate.flow_style or not gate.value:
        raise InvalidInput(f"{file} has no gate with a line for each condition", by_hand)
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    last = gate.value[-1]
    at = int(last.end_mark.line) + (1 if last.end_mark.column else 0)
    line = f"{' ' * int(gate.start_mark.column)}- {said}\n"
    if lines and at >= len(lines) and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    after = "".join([*lines[:at], line, *lines[at:]])
    assert listed is not None
    before = GATE.read(listed)
    if condition in before:
        raise Conflict(f"The gate has {condition.text} already", "Nothing is to be done.")
    changed = _gate(parse_yaml(after, str(file)))
    if changed is None or [*GATE.read(changed)] != [*before, condition]:
        raise InvalidInput(f"{file} is written in a way that is not changed by a program", by_hand)
    file.write_text(after, encoding="utf-8")


def _gate(root: YamlValue) -> YamlValue | None:
    found: YamlValue | None = root
    for name in ("evals", "gate"):
        inner = {} if found is None or found.is_null else {key.text(): value for key, value in keyed(found)}
        found = inner.get(name)
    return found
