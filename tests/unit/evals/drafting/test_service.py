"""Drafted sets: what is kept, what is left out, and that it can be confirmed."""

import pytest

from aver.core.errors import NotFound
from aver.evals.datasets.reading import as_line, read_dataset
from aver.evals.drafting.leakage import copied
from aver.evals.drafting.service import Drafter, Wanted
from aver.evals.labels import Labels
from tests.knowledge import MemorySource
from tests.unit.evals.conftest import PAGES

TWENTY = Wanted(20)


async def drafted(acme, wanted=TWENTY, *groups):
    return await Drafter(acme.knowledge, acme.user("bo", *groups), wanted).draft()


async def test_what_is_kept_is_answered_in_one_document_alone(acme):
    found = await drafted(acme)
    asked = {case.question: case for case in found.cases}
    assert "What is parental leave?" in asked
    assert "How many weeks does every parent get?" in asked
    assert "What is said about ERR-1042?" in asked
    # Two documents define the travel card.
    assert "What is the travel card?" not in asked
    assert found.left_out["another document answers it too"] >= 1
    assert found.read == 3
    assert all(case.status == "draft" for case in found.cases)


async def test_drafts_say_that_they_are_synthetic_and_of_what(acme):
    found = await drafted(acme, Wanted(20, 0.4, seed=2), "board")
    assert {case.origin for case in found.cases} == {"synthetic"}
    assert all(case.cluster.startswith("document:") for case in found.cases)
    made = next(case for case in found.cases if case.question == "What is parental leave?").metadata["drafted"]
    assert made == {"kind": "definition", "writer": "rules", "seed": 2, "document": "leave.md", "version": 1}


async def test_what_is_asked_already_is_not_drafted(acme):
    known = Wanted(20, 0.0, known=("what is  PARENTAL leave", "How many weeks does each parent get, every parent?"))
    found = await drafted(acme, known)
    assert "What is parental leave?" not in {case.question for case in found.cases}
    assert found.left_out["another case asks it already"] == 1


async def test_drafts_are_a_set_whose_labels_hold(acme, tmp_path):
    found = await drafted(acme, Wanted(20, 0.4), "board")
    file = tmp_path / "set.jsonl"
    file.write_text("".join(map(as_line, found.cases)))
    cases = read_dataset(file).cases
    golds = Labels(acme.knowledge).resolve([(case, acme.user(case.user, *case.groups)) for case in cases])
    assert all(gold.passages or case.unanswerable for case, gold in zip(cases, golds, strict=True))


async def test_nothing_copies_more_than_it_may(acme):
    strict = await drafted(acme, Wanted(20, 0.0, copied=1))
    assert strict.left_out["copies its passage"] > 0
    loose = await drafted(acme, Wanted(20, 0.0, copied=6))
    assert len(loose.cases) > len(strict.cases)
    for bound, some in ((1, strict), (6, loose)):
        for case in some.cases:
            assert copied(case.question, PAGES[case.passages[0].document]) <= bound


async def test_what_nobody_wrote_of_is_asked_about_too(acme):
    found = await drafted(acme, Wanted(10, 0.5))
    swapped = [case for case in found.cases if "swapped" in case.tags]
    assert swapped
    for case in swapped:
        assert case.unanswerable
        thing = case.question.removesuffix("?").split("about ")[-1].removeprefix("What is ").removeprefix("the ")
        assert not any(thing.casefold() in text.casefold() for text in PAGES.values())


async def test_what_is_closed_to_somebody_is_unanswerable_for_them(acme):
    found = await drafted(acme, Wanted(10, 0.5), "board")
    closed = [case for case in found.cases if "not permitted" in case.tags]
    assert {case.question for case in closed} <= {
        "What is a salary band?",
        "What is said about Salary bands?",
        "How many bands do senior editors have?",
    }
    assert closed
    assert all((case.user, case.groups, case.unanswerable) == ("bo", (), True) for case in closed)
    assert not any("not permitted" in case.tags for case in (await drafted(acme, Wanted(10, 0.5))).cases)


async def test_sources_take_turns(changing):
    tools = {
        "lathe": "turns wood against an edge",
        "plane": "takes shavings off a board",
        "awl": "pricks holes in hides",
    }
    pages = {f"{name}.md": f"# {name}\n\nA {name} is the one that {does}.\n" for name, does in tools.items()}
    changing.knowledge.ingest(MemorySource(pages, "many"))
    found = await drafted(changing, Wanted(4, 0.0))
    assert {tag for case in found.cases for tag in case.tags} >= {"memory", "many"}


async def test_the_same_seed_drafts_the_same(acme):
    one, again = await drafted(acme, Wanted(8, 0.25, seed=3)), await drafted(acme, Wanted(8, 0.25, seed=3))
    assert one == again
    other = await drafted(acme, Wanted(8, 0.25, seed=4))
    assert [case.question for case in other.cases] != [case.question for case in one.cases]


async def test_there_must_be_something_to_read(tmp_path):
    from tests.knowledge import open_world

    world = open_world(tmp_path / "empty")
    with pytest.raises(NotFound):
        await Drafter(world.knowledge, world.user("ann"), Wanted()).draft()
