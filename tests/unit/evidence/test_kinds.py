"""Steps of rare kinds are found by an index, newest first, whatever else there is."""

import pytest
from sqlalchemy import event

from aver.evidence import Draft
from aver.evidence.store import SPARSE
from tests.operations import open_bench, turn


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path)


def evaluated(number):
    return [Draft(f"evaluation_{number}", "evaluated", None, {"questions": number}, {"suite": "s"})]


def test_the_last_of_a_kind_come_first(bench):
    for number in range(5):
        bench.write(turn(), evaluated(number))
    found = bench.ledger.latest("evaluated", 3)
    assert [each.facts["questions"] for each in found] == [4, 3, 2]
    assert found[0].body == {"suite": "s"}
    further = bench.ledger.latest("evaluated", 10, found[-1].seq)
    assert [each.facts["questions"] for each in further] == [1, 0]
    assert bench.ledger.latest("gated", 3) == []
    assert [each.facts["questions"] for each in bench.ledger.of_kind("evaluated")] == [0, 1, 2, 3, 4]


def test_no_other_step_is_read_for_those_of_a_rare_kind(bench):
    asked = []

    def remember(connection, _cursor, statement, parameters, *_):
        if "FROM steps" in statement:
            asked.append((statement, parameters))

    with bench.store.read() as tx:
        engine = tx.engine
    event.listen(engine, "before_cursor_execute", remember)
    for kind in SPARSE:
        bench.ledger.latest(kind, 5)
        list(bench.ledger.of_kind(kind))
    event.remove(engine, "before_cursor_execute", remember)
    assert len(asked) == 2 * len(SPARSE)
    with bench.store.read() as tx:
        for statement, parameters in asked:
            plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert "USING INDEX ix_steps_kind" in plan[0][-1]
