"""The Evals page tells what runs measured, which cases of them moved where that is kept, what sets hold, and what waits for labels, to those who may see it."""

import pytest

from aver.core.errors import NotFound
from aver.evals.labelling.labels import Label
from aver.evals.labelling.queue import Queue
from aver.server.console.evals import evals
from aver.server.console.pages import render
from tests.unit.server.console.rooms import House, attacked, promoted

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("evals"))
    made.old = made.run([1, 1, 0, 1, 1, 0], started="2026-01-01T01:00:00Z", release="a" * 64)
    made.clock.advance(60)
    made.new = made.run([1, 0, 1, 1, 1, 0], started="2026-01-01T02:00:00Z", release="b" * 64)
    made.lost = made.run([1, 1, 1, 1, 1, 1], keep=False, started="2026-01-01T03:00:00Z")
    made.write(attacked(0, 0.2), promoted(1, "How many days carry over?"), promoted(2, HOSTILE))
    yield made
    made.application.close()


def look(made, *roles, **given):
    return evals(made.application, made.services, made.somebody(*(roles or ("reviewer",))), **given)


def test_runs_are_told_with_their_leading_figure(place):
    runs = look(place).runs
    assert [(each.suite, each.leading.measure, each.kept) for each in runs] == [
        ("redteam", "attack_success", False),
        ("handbook", "right_of_answered", False),
        ("handbook", "right_of_answered", True),
        ("handbook", "right_of_answered", True),
    ]
    assert runs[2].leading.ends[0] == pytest.approx(4 / 6)
    assert [each.suite for each in look(place, suite="redteam").runs] == ["redteam"]


def test_lines_have_their_intervals_and_mark_releases(place):
    view = look(place)
    (line,) = view.lines
    assert line.title == "handbook: right of answered"
    assert all(each.low < each.value <= each.high for each in line.points[:2])
    assert [each.words for each in view.marks[line.title]] == [f"release {'b' * 12}"]


def test_a_run_tells_the_cases_that_came_out_badly_where_its_file_is_kept(place):
    opened = look(place, run=place.old).opened
    assert [each.case for each in opened.cases] == ["leave-2", "leave-5"]
    assert (opened.bad, opened.slices[0][0]) == (2, "hr")
    lost = look(place, run=place.lost).opened
    assert lost.cases is None
    assert "not kept here" in lost.why
    assert lost.figures[0].measure == "right_of_answered"


def test_a_run_is_opened_by_its_own_evidence_alone(place, tmp_path):
    place.application.store.create_tenant("other")
    other = place.application.tenant("other")
    with pytest.raises(NotFound):
        evals(place.application, other, place.somebody("reviewer"), run=place.old)


def test_two_runs_say_which_cases_moved(place):
    both = look(place, before=place.old, after=place.new).comparison
    assert [(each.case, each.way) for each in both.flips] == [("leave-1", "worse"), ("leave-2", "better")]
    assert (both.shared, both.rows[0].better, both.rows[0].worse) == (6, 1, 1)
    figures = look(place, before=place.old, after=place.lost).comparison
    assert figures.flips == ()
    assert figures.rows[0].verdict == ""
    assert "not kept here" in figures.why


def test_sets_say_what_their_files_hold_and_what_keeps_them_from_being_read(place):
    view = look(place)
    handbook, gone = view.sets
    assert (handbook.cases, handbook.drafts, handbook.tags) == (6, 0, (("hr", 6),))
    assert handbook.last.turn == place.lost
    assert gone.problem == "No such file or directory: evals/gone.jsonl"
    (flow,) = view.flows
    assert (flow.flow, flow.counted, flow.is_enough) == ("leave", 2, False)


def test_a_set_is_read_anew_once_its_file_changes(place):
    file = place.application.settings.bundle / "evals" / "handbook.jsonl"
    text = file.read_text()
    file.write_text(text + '{"id": "more", "question": "And?", "unanswerable": true}\n')
    assert (look(place).sets[0].cases, look(place).sets[0].unanswerable) == (7, 1)
    file.write_text(text)
    assert look(place).sets[0].cases == 6


def test_the_queue_is_for_those_who_may_read_what_others_asked(place):
    assert look(place, "auditor").queue is None
    assert [each.question for each in look(place).queue] == [HOSTILE, "How many days carry over?"]
    shown = render("evals.html", view=look(place, case="case_2"), place="acme", principal=place.somebody("reviewer"), twin="/")  # fmt: skip
    assert HOSTILE not in shown.body.decode()
    assert len(shown.body) < 150_000


def test_what_others_said_is_shown_once_one_has_said_something(place):
    queue = Queue(place.services.store, place.services.ledger)
    queue.label([Label("case_1", "cleo", {"answers": ["ten days"]})])
    assert look(place, case="case_1").case.labels == ()
    queue.label([Label("case_1", "ann", {"answers": ["up to ten days"]})])
    case = look(place, case="case_1").case
    assert (case.row.status, case.row.mine) == ("settled", True)
    assert [(each.labeller, each.kind) for each in case.labels] == [("cleo", "answerable"), ("ann", "answerable")]
    assert case.following == "/evals?case=case_2#case"
    assert look(place).counts == {"settled": 1, "waiting": 1}


def test_what_is_not_there_is_said(place):
    for given in ({"run": "evaluation_none"}, {"case": "case_none"}, {"run": "\ud800"}):
        with pytest.raises(NotFound):
            look(place, **given)
