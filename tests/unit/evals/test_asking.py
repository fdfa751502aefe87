"""What is measured of a question: against rankings and answers that can be worked out by hand."""

import math

import pytest

from aver.agents import Assistant, Release, Released, always
from aver.core.errors import ProviderTimeout
from aver.evals.asking import Examiner
from aver.evals.report import compared, measured, questions_of
from aver.evals.service import evaluate, read_earlier, record
from aver.evals.types import Case, Dataset
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway
from aver.knowledge.ingest import document_id

ANSWERABLE = Case(
    "weeks",
    "How many weeks does every parent get at full pay?",
    documents=("leave.md",),
    answers=("16 weeks",),
    tags=("hr",),
)
SEVERAL = Case("card", "What is the travel card?", documents=("travel.md", "copy.md"), tags=("travel",), status="draft")
LOOSE = Case("first", "Which journeys are booked in first class?", answers=("above two hours",))
NOBODYS = Case("atlantis", "Who founded Atlantis?", unanswerable=True)
CLOSED = Case("bands", "How many bands do senior editors have?", user="bo", groups=("board",), answers=("3 bands",))
CASES = (ANSWERABLE, SEVERAL, LOOSE, NOBODYS, CLOSED)


def assistant(acme, gateway=None):
    embedder = acme.knowledge._embedders.default
    extractive = Extractive(embedder)
    release = Release(Extractive.name, embedder.name)
    found = gateway or Gateway(GatewayConfig, last_resort=extractive)
    lend = always(Released(release, found))
    return Assistant(acme.store, acme.ledger, acme.knowledge, acme.clock, embedder, lend)


def examiner(acme, answering=None):
    return Examiner(acme.knowledge, acme.knowledge._embedders.default, acme.clock, answering, (1, 3))


async def asked(acme, cases=CASES, answering=None):
    dataset = Dataset("set.jsonl", "0" * 64, tuple(cases))
    return await evaluate(dataset, examiner(acme, answering), acme.user("ann"))


async def test_a_ranking_is_measured_by_document_and_by_passage(acme):
    found = (await asked(acme)).questions
    hits = acme.knowledge.search(acme.user("ann"), SEVERAL.question, 100)
    ranked = list(dict.fromkeys(hit.document for hit in hits))
    gold = {document_id("memory", "travel.md"), document_id("memory", "copy.md")}
    places = [rank for rank, document in enumerate(ranked, 1) if document in gold]
    values = {name: above for name, (above, _) in found["card"].values.items()}
    assert values["mrr"] == 1 / places[0]
    assert values["recall@3"] == sum(place <= 3 for place in places) / 2
    assert values["precision@3"] == pytest.approx(sum(place <= 3 for place in places) / 3)
    best = 1 + 1 / math.log2(3)
    assert values["ndcg@3"] == pytest.approx(sum(1 / math.log2(p + 1) for p in places if p <= 3) / best)
    assert not any(name.startswith("passage_") for name in values)
    assert found["weeks"].values["passage_recall@3"] == (1.0, 1.0)
    # Of answers that may stand anywhere nobody knows how many passages have them.
    assert "passage_mrr" in found["first"].values
    assert not {"passage_ndcg@3", "passage_recall@3", "mrr"} & found["first"].values.keys()
    assert found["atlantis"].values == {}
    assert found["bands"].values["passage_hit@1"] == (1.0, 1.0)


async def test_answers_are_held_against_their_labels(acme):
    evaluation = await asked(acme, answering=assistant(acme))
    found, report = evaluation.questions, evaluation.report
    for case in CASES:
        values = found[case.id].values
        answer = next(step.body["answer"] for step in _turn(acme, case) if step.kind == "responded")
        if case.unanswerable:
            assert values["held_back"] == (float(answer["abstained"]), 1.0)
            assert "gold_in_citations" not in values
            continue
        quotes = [each["quote"] for each in answer["citations"]]
        if case.answers:
            assert values["gold_in_citations"] == (float(any(case.answers[0] in quote for quote in quotes)), 1.0)
        assert values["answered"] == (float(not answer["abstained"]), 1.0)
        if quotes:
            assert values["citation_precision"][1] == len(quotes)
            assert values["right_of_answered"] == values["gold_in_citations"]
    assert (report.questions, report.unanswerable, report.unconfirmed) == (5, 1, 1)
    assert report.modes == {"extractive": 5}
    assert report.slices.keys() == {"hr", "travel"}
    assert report.latency["answer"].n == 5
    assert report.operating.n == 5
    assert report.curve[-1].coverage == 1  # in extractive mode what was held back is known too
    assert [point.coverage for point in report.curve] == sorted(point.coverage for point in report.curve)


def _turn(acme, case):
    """The last of this question."""
    steps = [step for step in acme.ledger.of_kind("admitted") if step.body["question"] == case.question]
    return acme.ledger.turn(steps[-1].turn)


async def test_a_turn_that_fails_is_a_miss_and_no_abstention(acme):
    class Failing(Assistant):
        async def ask(self, principal, question, *arguments, **options):
            if question == LOOSE.question:
                raise ProviderTimeout("It took too long", "Try again.")
            return await super().ask(principal, question, *arguments, **options)

    working = assistant(acme)
    failing = Failing.__new__(Failing)
    failing.__dict__.update(working.__dict__)
    evaluation = await asked(acme, answering=failing)
    assert evaluation.report.failed == {"provider-timeout": 1}
    values = evaluation.questions["first"].values
    assert (values["gold_in_citations"], values["answered"]) == ((0.0, 1.0), (0.0, 1.0))
    assert evaluation.report.operating.n == 4


async def test_a_run_leaves_figures_in_evidence_and_no_question(acme):
    evaluation = await asked(acme, answering=assistant(acme))
    record(evaluation, acme.store, acme.ledger)
    (step,) = acme.ledger.of_kind("evaluated")
    assert step.facts["questions"] == 5
    assert step.facts["dataset"] == "0" * 64
    assert step.facts["ndcg.3"] == round(evaluation.report.overall["ndcg@3"].value, 6)
    assert step.body["overall"]["ndcg@3"]["n"] == 2
    assert not any(case.question in str((step.facts, step.body)) for case in CASES)
    assert acme.ledger.verify().ok


async def test_what_is_kept_in_a_file_compares_as_the_run_itself(acme, tmp_path):
    from aver.server.wire import to_json

    evaluation = await asked(acme, answering=assistant(acme))
    file = tmp_path / "run.json"
    file.write_bytes(to_json(evaluation.document(whole=True)))
    earlier = read_earlier(file)
    assert compared(earlier, evaluation.questions) == compared(evaluation.questions, evaluation.questions)
    comparison = compared(earlier, {"weeks": evaluation.questions["weeks"], "new": evaluation.questions["card"]})
    assert (comparison.questions, comparison.only_before, comparison.only_after) == (1, 4, 1)
    assert {each.verdict for each in comparison.overall.values()} == {"inconclusive"}


async def test_the_same_outcomes_give_the_same_report(acme):
    examined = examiner(acme, assistant(acme))
    from aver.evals.asking import Asked
    from aver.evals.labels import Labels

    who = [(case, acme.user("bo", "board")) for case in CASES]
    golds = Labels(acme.knowledge).resolve(who)
    outcomes = await examined.examine([Asked(*pair, gold) for pair, gold in zip(who, golds, strict=True)])
    assert measured(outcomes) == measured(outcomes)
    assert questions_of(outcomes).keys() == {case.id for case in CASES}
