"""Label Studio: cases as tasks with a labelling configuration, and what was annotated as labels (https://labelstud.io/guide/export).

A task has all of its case under ``case``, so that nothing is lost on the way there and back; what else it has is there to be read. Labels that a case has
are not shown: who sees what is thought right agrees with it too easily.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from aver.core.errors import InvalidInput
from aver.evals.datasets.fields import fields_of
from aver.evals.datasets.importing import Gathered, Imported
from aver.evals.datasets.rows import read_rows
from aver.evals.labelling.labels import LABELS, Label, labelled
from aver.evals.types import Case

__all__ = ["Annotated", "config", "read", "read_annotated", "tasks"]

_KINDS = {"answerable": "Documents answer it", "unanswerable": "Nothing answers it", "refuse": "It is to be refused"}
_STARS = 5


@dataclass(frozen=True, slots=True)
class Annotated:
    """``imported`` are the cases as they were exported; ``labels`` what people said of them."""

    imported: Imported
    labels: tuple[Label, ...]


def config() -> str:
    """The labelling configuration of such tasks: what is shown, and what is asked for."""
    choices = "".join(f"<Choice value={quoteattr(name)} hint={quoteattr(hint)}/>" for name, hint in _KINDS.items())
    return (
        "<View>"
        '<Text name="history" value="$history"/><Header value="$question"/><Text name="question" value="$question"/>'
        f'<Choices name="kind" toName="question" choice="single-radio" required="true">{choices}</Choices>'
        '<TextArea name="documents" toName="question" placeholder="Documents that answer it, one each" maxSubmissions="20"/>'
        '<TextArea name="answers" toName="question" placeholder="Words that an answer quotes, as they stand there" maxSubmissions="20"/>'
        '<TextArea name="expected" toName="question" placeholder="A good answer, if a rubric is to judge" maxSubmissions="1"/>'
        '<Text name="answer" value="$answer"/>'
        f'<Rating name="grade" toName="question" maxRating="{_STARS}"/>'
        "</View>"
    )


def tasks(cases: Iterable[Case]) -> Iterator[dict[str, Any]]:
    """A task for each case, as Label Studio imports them."""
    for case in cases:
        said = "\n".join(f"{message.role}: {message.content}" for message in case.history)
        answer = case.metadata.get("answer")
        yield {
            "data": {
                "id": case.id,
                "question": case.question or str(dict(case.variables)),
                "history": said,
                "answer": answer if isinstance(answer, str) else "",
                "case": {**fields_of(case), "id": case.id},
            }
        }


def read(file: Path, columns: Mapping[str, str]) -> Imported:
    """The cases of an export; labels are for :func:`read_annotated`."""
    return read_annotated(file, columns).imported


def read_annotated(file: Path, labellers: Mapping[str, str]) -> Annotated:
    """The cases and labels of an export, as JSON with annotations. ``labellers`` are people's names by their ids or addresses in Label Studio; who is not
    among them is called by the id. An annotation that is marked as ground truth settles. Skipped tasks and what no label says are counted.

    Raises :class:`~aver.core.errors.InvalidInput` with file and line for what is no such export.
    """
    gathered, labels = Gathered(), list[Label]()
    for place, task in read_rows(file):
        data = task.get("data") if isinstance(task, Mapping) else None
        if not isinstance(data, Mapping):
            raise InvalidInput(
                f"{place}: this is no task of Label Studio", "Export it as JSON, not as JSON_MIN or CSV."
            )
        case = gathered.add(place, _case(place, data, gathered))
        for annotation in task.get("annotations") or task.get("completions") or ():
            if annotation.get("was_cancelled"):
                gathered.leave_out("an annotation that was skipped")
            elif (label := _label(place, case.id, annotation, labellers, gathered)) is not None:
                labels.append(label)
    return Annotated(gathered.imported(file), tuple(labels))


def _case(place: str, data: Mapping[str, Any], gathered: Gathered) -> Mapping[str, Any]:
    whole = data.get("case")
    if isinstance(whole, Mapping):
        return whole
    question = next(
        (data[name] for name in ("question", "text", "query", "prompt") if isinstance(data.get(name), str)), ""
    )
    if not question:
        raise InvalidInput(
            f"{place}: the task asks nothing", "Its data need one of case, question, text, query, prompt."
        )
    gathered.note("tasks were not exported by Aver: their question is taken, and the rest of their data is metadata")
    name = data.get("id")
    rest = {key: value for key, value in data.items() if key != "id" and value != question}
    return {"id": "" if name is None else str(name), "question": question, "metadata": rest}


def _label(
    place: str, case: str, annotation: Mapping[str, Any], labellers: Mapping[str, str], gathered: Gathered
) -> Label | None:
    fields: dict[str, Any] = {}
    for result in annotation.get("result") or ():
        name, value = str(result.get("from_name", "")), result.get("value") or {}
        chosen: Sequence[str] = value.get("choices") or ()
        texts = [text.strip() for text in _texts(value.get("text")) if text.strip()]
        if name == "kind" and chosen:
            fields |= {chosen[0]: True} if chosen[0] in ("unanswerable", "refuse") else {}
        elif name == "grade" and value.get("rating"):
            fields["grade"] = (value["rating"] - 1) / (_STARS - 1)
        elif name == "expected" and texts:
            fields[name] = texts[0]
        elif name in LABELS and texts:
            fields[name] = texts
        else:
            gathered.leave_out(f"a result of {name or 'no'} field")
    if not fields:
        gathered.leave_out("an annotation that says nothing")
        return None
    fields |= {"case": case, "labeller": _labeller(annotation.get("completed_by"), labellers)}
    return labelled(f"{place}: an annotation", fields | ({"settles": True} if annotation.get("ground_truth") else {}))


def _labeller(by: Any, labellers: Mapping[str, str]) -> str:
    known = [by.get("email"), by.get("id")] if isinstance(by, Mapping) else [by]
    names = [str(each) for each in known if each not in (None, "")] or ["unknown"]
    return next((labellers[name] for name in names if name in labellers), f"label-studio-{names[0]}")


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(map(str, value or ()))
