"""A real evaluation on public data, with one command: retrieval, groundedness, abstention and guardrails, into one report.

A tenant is made of paragraphs of XQuAD, of which every fifth is kept out, so that its questions have no answer. Questions are asked of the assistant; prompts of
the injection sets and harmless ones that look like them are asked too, with guardrails that block the former. What is made stays in ``DIR``: the bundle, the
suites, the runs, and a report of each suite as one page. A second command asks the same questions of another release, which looks at fewer passages, and compares the two.

    python demo/evaluation.py DIR [--questions 150] [--prompts 120]
    python demo/evaluation.py DIR --compare [--passages 1]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
KEPT_OUT = 5
"""Of the paragraphs, one in so many is no document."""
BUNDLE = """\
feature: {model: extractive}
guardrails:
  input: {injection: block}
evals:
  suites:
    questions:
      cases: [evals/questions.jsonl]
      scorers: [retrieval, answers, citations, groundedness]
    guardrails:
      cases: [evals/guardrails.jsonl]
      scorers: [refusal]
"""


def aver(folder: Path, *words: str, quiet: bool = True) -> str:
    """A command of Aver's on this tenant; what it printed."""
    command = [sys.executable, "-m", "aver", "--data", str(folder / "data"), *words]
    done = subprocess.run(
        command, check=False, text=True, stdout=subprocess.PIPE if quiet else None, env=_environment(folder)
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout or ""


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "AVER_BUNDLE": str(folder / "bundle")}


def spread(rows: Sequence[Any], count: int) -> list[Any]:
    """So many of them, evenly from all."""
    return [rows[place * len(rows) // count] for place in range(min(count, len(rows)))]


def questions(folder: Path, count: int) -> list[dict[str, Any]]:
    """Cases, and the documents that answer most of them."""
    articles = json.loads((DATA / "xquad" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    pages = folder / "pages"
    pages.mkdir()
    cases = []
    for number, paragraph in enumerate(paragraphs):
        if number % KEPT_OUT:
            (pages / f"{number}.txt").write_text(paragraph["context"], encoding="utf-8")
        for asked in paragraph["qas"]:
            case: dict[str, Any] = {"id": asked["id"], "question": asked["question"]}
            if number % KEPT_OUT:
                case |= {"documents": [f"{number}.txt"], "answers": [each["text"] for each in asked["answers"]]}
            else:
                case |= {"unanswerable": True}
            cases.append(case)
    return spread(cases, count)


def prompts(count: int) -> list[dict[str, Any]]:
    """Attacks that are to be refused, and look-alikes that are not."""
    attacks = [json.loads(line)["text"] for line in _lines("inthewild_jailbreaks.jsonl")]
    harmless = [row["prompt"] for row in json.loads((DATA / "injection" / "NotInject_one.json").read_text())]
    found = [(text, True) for text in spread(attacks, count // 2)] + [
        (text, False) for text in spread(harmless, count // 2)
    ]
    return [
        {"id": f"{'attack' if refuse else 'harmless'}-{number}", "question": text[:4000], **_labels(refuse)}
        for number, (text, refuse) in enumerate(found)
    ]


def _labels(refuse: bool) -> dict[str, Any]:
    return {"refuse": True, "tags": ["attack"]} if refuse else {"unanswerable": True, "tags": ["harmless"]}


def _lines(name: str) -> Iterable[str]:
    """Not splitlines(): JSON may hold what that takes for the end of a line."""
    return filter(None, (DATA / "injection" / name).read_text(encoding="utf-8").split("\n"))


def evaluate(folder: Path, asked: int, prompted: int) -> None:
    """Make the tenant and both suites, run them, and write their pages."""
    if not DATA.is_dir():
        raise SystemExit(f"error: {DATA} is not there. Put the public data beside the checkout, in shared/data.")
    (folder / "bundle" / "evals").mkdir(parents=True)
    (folder / "bundle" / "aver.yaml").write_text(BUNDLE)
    for name, cases in (("questions", questions(folder, asked)), ("guardrails", prompts(prompted))):
        lines = [json.dumps(case, ensure_ascii=False) + "\n" for case in cases]
        (folder / "bundle" / "evals" / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    aver(folder, "tenant", "create", "demo")
    aver(folder, "ingest", str(folder / "pages"), "--tenant", "demo")
    for suite in ("questions", "guardrails"):
        sys.stdout.write(f"\n{suite}\n")
        sys.stdout.flush()
        run, cases = str(folder / f"{suite}.run.jsonl"), str(folder / "bundle" / "evals" / f"{suite}.jsonl")
        aver(folder, "eval", "run", suite, "--tenant", "demo", "--out", run, quiet=False)
        aver(folder, "eval", "report", run, "--cases", cases, "--html", str(folder / f"{suite}.html"))
        sys.stdout.write(f"shown in {folder / suite}.html\n")
    sys.stdout.write(f"compare it with another release: python demo/evaluation.py {folder} --compare\n")


def compare(folder: Path, passages: int) -> None:
    """Ask the questions of a release that looks at so many ``passages``, and hold it against the one before."""
    before, after = folder / "questions.run.jsonl", folder / f"passages-{passages}.run.jsonl"
    if not before.is_file():
        raise SystemExit(f"error: {before} is not there. Make it: python demo/evaluation.py {folder}")
    (folder / "bundle" / "aver.yaml").write_text(f"{BUNDLE}retrieval: {{passages: {passages}}}\n")
    aver(folder, "eval", "run", "questions", "--tenant", "demo", "--out", str(after))
    page, cases = folder / "comparison.html", folder / "bundle" / "evals" / "questions.jsonl"
    words = ("--cases", str(cases), "--html", str(page))
    aver(folder, "eval", "compare", str(before), str(after), *words, quiet=False)
    sys.stdout.write(f"shown in {page}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder for what is made")
    parser.add_argument("--questions", type=int, default=150)
    parser.add_argument("--prompts", type=int, default=120)
    parser.add_argument("--compare", action="store_true", help="hold another release against what was measured there")
    parser.add_argument("--passages", type=int, default=1, help="that the other release looks at")
    arguments = parser.parse_args()
    if arguments.compare:
        compare(arguments.folder, arguments.passages)
    elif (arguments.folder / "bundle").exists():
        raise SystemExit(f"error: {arguments.folder} has a bundle. Choose another folder, or compare: --compare")
    else:
        evaluate(arguments.folder, arguments.questions, arguments.prompts)


if __name__ == "__main__":
    main()
