"""For pytest: labelled cases as tests, and whole sets held to conditions. Nothing is loaded until a test asks for it.

::

    @pytest.mark.cases("evals/handbook.jsonl")
    def test_answer(case, judged):
        judged(my_assistant(case.question), "exact", "contains: {absent: [sorry]}")

    def test_handbook(suite):
        suite("evals/handbook.jsonl", my_assistant, scorers=["exact", "token_f1"]).require("exact>=0.8", "token_f1[hr]>=0.7")

Files are named from the root of the tests. What is judged is a text, a :class:`~aver.evals.types.Response`, or any other JSON.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from aver.evals.gates.judging import Trial
    from aver.evals.report import Report
    from aver.evals.types import Case, Response

__all__ = ["Judgements", "SuiteResult", "case", "judged", "suite"]

T = TypeVar("T")
_NAMED = 10


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cases(file): run the test once for each labelled case of a file, as ``case``")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("cases")
    if marker is None or "case" not in metafunc.fixturenames:
        return
    from aver.core.errors import AverError
    from aver.evals.datasets.reading import read_dataset

    try:
        cases = read_dataset(metafunc.config.rootpath / marker.args[0]).cases
    except AverError as error:
        raise pytest.UsageError(str(error)) from None
    metafunc.parametrize("case", cases, ids=[each.id for each in cases])


@pytest.fixture
def case() -> Case:
    """The case of this test, where it is marked with ``cases``."""
    raise pytest.UsageError("Name the file of cases: @pytest.mark.cases('evals/set.jsonl')")


Judgements = Mapping[str, tuple[float, str]]
"""By measure, the figure and why."""


@pytest.fixture
def judged(case: Case, request: pytest.FixtureRequest) -> Callable[..., Judgements]:
    """Judges what was responded to ``case``, and fails the test where a measure is not full, or not ``least``."""

    def judge(response: Any, *scorers: str, least: float = 1.0) -> Judgements:
        __tracebackhide__ = True
        found = _ran(_judged(case, _response(response), scorers, request.config.rootpath))
        if not found:
            pytest.fail(f"{case.id}: none of {', '.join(scorers)} reads the labels of this case", pytrace=False)
        if any(value < least for value, _ in found.values()):
            pytest.fail(_said(case, _response(response), found, least), pytrace=False)
        return found

    return judge


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """A whole set, asked. ``failed`` has the first cases that did not reach all, each in a line."""

    report: Report
    trial: Trial
    failed: Sequence[str]

    def require(self, *conditions: str) -> None:
        """Fails the test unless a gate would pass: the whole interval of each measure meets its condition, as in ``exact[hr]>=0.8``, and nothing keeps
        the set from deciding."""
        __tracebackhide__ = True
        from aver.evals.gates.declaration import parse_condition
        from aver.evals.gates.judging import judge
        from aver.evals.gates.telling import tell_judged

        unmet = judge([parse_condition(each) for each in conditions], [self.trial]).unmet
        if unmet:
            lines = [f"{each.condition}: {each.outcome}, {tell_judged(each)}" for each in unmet]
            pytest.fail("\n".join([*lines, "", *self.failed]), pytrace=False)


@pytest.fixture
def suite(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., SuiteResult]:
    """Asks a function, sync or async, of a question or of a case, every case of a file, and judges what it responds. Here nothing runs in processes
    but scorers that need it, so that fixtures and mocks are seen."""

    def ask(file: str, target: Callable[..., Any], scorers: Sequence[str], repeats: int = 1) -> SuiteResult:
        return _ran(_asked(request.config.rootpath, tmp_path, file, target, scorers, repeats))

    return ask


async def _asked(
    root: Path, folder: Path, file: str, function: Callable[..., Any], scorers: Sequence[str], repeats: int
) -> SuiteResult:
    from aver.core import SystemClock, new_id
    from aver.core.clock import rfc3339
    from aver.evals.datasets.reading import read_dataset
    from aver.evals.gates.admitting import objections
    from aver.evals.gates.judging import Trial
    from aver.evals.gates.sheet import sheet_of
    from aver.evals.report import measured
    from aver.evals.running.bounds import Bounds
    from aver.evals.running.file import SUFFIX, RunWriter, read_run
    from aver.evals.running.responses import Responses
    from aver.evals.running.service import Runner
    from aver.evals.types import RunHeader

    dataset = read_dataset(root / file)
    means, made = _scorers(root, scorers)
    path = folder / f"{new_id('run')}{SUFFIX}"
    started = rfc3339(SystemClock().now())
    digests = {each.name: each.digest for each in made}
    header = RunHeader(
        Path(file).stem,
        dataset.name,
        dataset.digest,
        len(dataset.cases),
        getattr(function, "__name__", "function"),
        "",
        "",
        digests,
        0,
        repeats,
        started,
        "pytest",
    )
    writer, responses = RunWriter.begin(path, header), Responses.beside(path)
    try:
        await means.check()
        runner = Runner(
            _Calling(function), made, writer, responses, Bounds(repeats=repeats), SystemClock(), run=path.name
        )
        await runner.run(dataset.cases, len(dataset.cases))
    finally:
        writer.close()
        responses.close()
        await means.close()
    found = read_run(path)
    failed: list[str] = []
    for result in found.results():
        short = [
            name
            for name, (above, below) in result.values.items()
            if above < below and not name.endswith(("_ms", "_usd", "_tokens"))
        ]
        if (result.error or short) and len(failed) < _NAMED:
            why = f"{result.error}: {result.said}" if result.error else "; ".join(result.notes.values())
            failed.append(f"{result.case}: {', '.join(short)} {why}".rstrip())
    sheet = sheet_of(found)
    held = objections(sheet, dataset.cases, dataset.digest)
    return SuiteResult(measured(found), Trial(header.suite, sheet, None, held), failed)


class _Calling:
    """A function of the tests as a target."""

    digest = ""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = getattr(function, "__name__", "function")
        names = list(inspect.signature(function).parameters)
        self._function, self._whole = function, names[:1] == ["case"]

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        del seed
        found = self._function(case if self._whole else case.question)
        return _response(await found if inspect.isawaitable(found) else found)


async def _judged(case: Case, response: Response, scorers: Sequence[str], root: Path) -> Judgements:
    means, made = _scorers(root, scorers)
    found: dict[str, tuple[float, str]] = {}
    try:
        await means.check()
        for scorer in made:
            values, why = await scorer.score(case, response)
            found |= {name: (above / below, why) for name, (above, below) in values.items() if below}
    finally:
        await means.close()
    return found


def _ran(work: Coroutine[Any, Any, T]) -> T:
    """In an event loop of its own: a test may be within one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _scorers(root: Path, named: Sequence[str]) -> tuple[Any, Any]:
    from aver.core.yaml import parse_yaml
    from aver.evals.scorers.kinds import Means
    from aver.evals.scorers.registry import DeclaredScorer, scorers_of

    means = Means(root)
    return means, scorers_of([DeclaredScorer().read(parse_yaml(each, "scorer")) for each in named], means)


def _response(value: Any) -> Response:
    from aver.evals.types import Response

    if isinstance(value, Response):
        return value
    return Response(text=value) if isinstance(value, str) else Response(value=value)


def _said(case: Case, response: Response, found: Judgements, least: float) -> str:
    """What a failure reads like: the question, what was said, what was expected, and which measures fall short."""
    lines = [f"{case.place or case.id}: {case.question}"]
    lines.append(f"  said      {(response.text or repr(response.value))[:300]}")
    if case.expected is not None or case.answers:
        lines.append(
            f"  expected  {str(case.expected if case.expected is not None else ' or '.join(case.answers))[:300]}"
        )
    lines += [
        f"  {name:<9} {value:.3f}{f', {why}' if why else ''}" for name, (value, why) in found.items() if value < least
    ]
    return "\n".join(lines)
