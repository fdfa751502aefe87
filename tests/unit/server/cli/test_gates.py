"""``aver gate``, ``aver eval compare`` and ``aver eval report``: exit codes, files, statements, and the step that stays."""

import json
from hashlib import sha256

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from aver.evals.types import Result
from aver.server.cli import main
from tests.runs import case_lines, made, results, told, write_run
from tests.servers import open_application

BUNDLE = """\
evals:
  suites:
    handbook: {cases: [handbook.jsonl], target: "responses:recorded.jsonl", scorers: [answers]}
  gate:
    - {suite: handbook, measure: right_of_answered, at_least: 0.8}
"""


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    """A bundle with a gate, a set of 300 cases, a key pair, and the command line in that folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AVER_BUNDLE", raising=False)
    (tmp_path / "aver.yaml").write_text(BUNDLE)
    lines = case_lines(results(made(1, 300)))
    (tmp_path / "handbook.jsonl").write_text(lines)
    key = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(public)

    def run(name, share, seed=0, **header):
        digest = sha256(lines.encode()).hexdigest()
        found = [told(each, f"so much, in {name}") for each in results(made(share, 300, seed), tags=("hr",))]
        write_run(tmp_path / f"{name}.run.jsonl", found, dataset_digest=digest, **header)
        return f"{name}.run.jsonl"

    def command(*words):
        code = main(["--data", str(tmp_path / "data"), *words], open_application=open_application)
        return code, *capsys.readouterr()

    command.made, command.folder = run, tmp_path
    return command


@pytest.mark.parametrize(
    ("share", "code", "word"), [(0.9, 0, "passes"), (0.5, 10, "fails"), (0.82, 11, "inconclusive")]
)
def test_the_exit_code_is_the_verdict(desk, share, code, word):
    found, out, err = desk("gate", "--run", desk.made("now", share))
    assert found == code
    assert f"The gate {word}" in out or f"The gate is {word}" in out
    assert bool(err) == bool(code)
    if code == 10:
        assert "case-0" in out
        assert err.startswith("error: handbook:right_of_answered>=0.8 fails: 0.500 (")
    if code == 11:
        assert "cases would tell" in out


@pytest.mark.parametrize(("share", "code"), [(0.9, 0), (0.5, 10), (0.82, 11)])
def test_as_json_it_is_one_document_whatever_the_verdict(desk, share, code):
    found, out, err = desk("gate", "run", "handbook", "--run", desk.made("now", share), "--json")
    assert (found, err) == (code, "")
    document = json.loads(out)
    (judged,) = document["judged"]
    assert document["outcome"] == judged["outcome"] == {0: "pass", 10: "fail", 11: "inconclusive"}[code]
    assert judged["found"]["n"] == 300
    assert len(judged["cases"]) == {0: 0, 10: 150, 11: 54}[code]


def test_more_can_be_required_and_held_against_a_baseline(desk):
    before = desk.made("before", 0.9, release="1" * 64, target_digest="1" * 64)
    now = desk.made("now", 0.9, seed=3)
    words = ("gate", "--run", now, "--require", "right_of_answered[*]>=baseline-0.2", "--json")
    code, out, _ = desk(*words, "--baseline", before)
    assert (code, [each["outcome"] for each in json.loads(out)["judged"]]) == (0, ["pass", "pass"])
    code, out, _ = desk(*words)
    assert (code, "--baseline" in json.loads(out)["next_step"]) == (11, True)
    code, out, _ = desk(*words, "--baseline", "111111")
    assert code == 0
    code, out, _ = desk(*words, "--baseline", "222222")
    assert code == 3
    assert "neither a run's file nor the digest" in json.loads(out)["detail"]


def test_its_files_are_written_whatever_the_verdict(desk):
    files = {name: f"{name}.out" for name in ("junit", "markdown", "html", "attest")}
    words = [word for name, file in files.items() for word in (f"--{name}", file)]
    code, _, _ = desk("gate", "--run", desk.made("now", 0.5), *words, "--key", "key.pem")
    assert code == 10
    read = {name: (desk.folder / file).read_text() for name, file in files.items()}
    assert read["junit"].startswith("<?xml")
    assert read["markdown"].startswith("## ❌ fail")
    assert read["html"].startswith("<!doctype html>")
    assert "What is said in case-0001?" in read["html"]
    code, out, _ = desk("gate", "verify", "attest.out", "--key", "key.pub", "--json")
    assert code == 0
    said = json.loads(out)
    assert (said["outcome"], said["subjects"]) == ("fail", {"release": "b" * 64})
    assert said["failed"] == ["handbook: right_of_answered>=0.8"]
    assert desk("gate", "verify", "attest.out", "--key", "key.pub", "--release", "bbbbbb")[0] == 0
    assert desk("gate", "verify", "attest.out", "--key", "key.pub", "--release", "cccccc")[0] == 4


def test_a_statement_that_somebody_else_signed_is_refused(desk):
    desk("gate", "--run", desk.made("now", 0.9), "--attest", "statement.json", "--key", "key.pem")
    other = Ed25519PrivateKey.generate().public_key()
    (desk.folder / "other.pub").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    code, _, err = desk("gate", "verify", "statement.json", "--key", "other.pub")
    assert code == 4
    assert "not signed by the key" in err
    assert desk("gate", "verify", "aver.yaml", "--key", "key.pub")[0] == 2
    assert desk("gate", "verify", "statement.json")[0] == 2


def test_a_tenant_signs_with_its_own_key_and_keeps_the_verdict(desk):
    desk("tenant", "create", "northwind")
    words = ("--tenant", "northwind")
    code, out, _ = desk("gate", "--run", desk.made("now", 0.9), *words, "--attest", "statement.json", "--json")
    assert code == 0
    turn = json.loads(out)["evidence"]
    code, out, _ = desk("evidence", "show", turn, "--json")
    (step,) = json.loads(out)["steps"]
    assert step["kind"] == "gated"
    assert step["facts"]["outcome"] == "pass"
    assert step["facts"]["release"] == "b" * 64
    assert step["facts"]["attestation"] == sha256((desk.folder / "statement.json").read_bytes()).hexdigest()
    assert "What is said" not in out
    assert "The gate passes: 1 condition judged" in desk("evidence", "show", turn)[1]
    code, pem, _ = desk("gate", "key", *words)
    (desk.folder / "tenant.pub").write_text(pem)
    assert desk("gate", "verify", "statement.json", "--key", "tenant.pub")[0] == 0
    assert desk("gate", "verify", "statement.json", *words)[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--run", "missing.run.jsonl"), "cannot be read"),
        (("--run", "aver.yaml"), "is no run"),
        (("other", "--run", "now.run.jsonl"), "No run of the suite 'other' is given"),
        (("--run", "now.run.jsonl", "--run", "now.run.jsonl"), "two runs of the suite"),
        (("--run", "now.run.jsonl", "--require", "right_of_answered>0.8"), "is no condition"),
        (("--run", "now.run.jsonl", "--require", "right_of_anwsered>=0.8"), "Did you mean 'right_of_answered'"),
        (("--run", "now.run.jsonl", "--attest", "x.json"), "who signs"),
        (("--run", "now.run.jsonl", "--html", "no/such/folder.html"), "cannot be written"),
        (("other",), "is no suite of the bundle"),
        ((), "of which tenant"),
        (("--tenant", "nobody", "--baseline", "missing"), "neither a run's file nor the digest"),
    ],
)
def test_what_cannot_be_judged_is_told(desk, words, says):
    desk.made("now", 0.9)
    code, _, err = desk("gate", *words)
    assert code in (2, 3)
    assert says in err


def test_a_set_that_changed_a_draft_and_a_strange_scorer_do_not_pass(desk):
    now = desk.made("now", 0.95)
    text = (desk.folder / "handbook.jsonl").read_text()
    (desk.folder / "handbook.jsonl").write_text(text.replace('"]}', '"], "status": "draft"}', 1))
    code, out, _ = desk("gate", "--run", now)
    assert code == 11
    assert "has changed since it was asked" in out
    (desk.folder / "handbook.jsonl").write_text(text)
    assert desk("gate", "--run", now)[0] == 0
    judged = desk.made("judged", 0.95, scorers={"right": "e" * 64})
    code, out, _ = desk("gate", "--run", judged)
    assert code == 11
    assert "nobody here can tell what the scorer right is" in out


@pytest.mark.parametrize(("worked", "code"), [(0, 0), (10, 10), (4, 11)])
def test_attacks_are_gated_by_how_many_worked(desk, worked, code):
    bundle = desk.folder / "aver.yaml"
    bundle.write_text(BUNDLE + "    - {suite: redteam, measure: attack_success, at_most: 0.05}\n")
    found = [Result(f"attack-{n}", 0, {"attack_success": (float(n < worked), 1.0)}) for n in range(100)]
    scorers = {"attack_success": "1" * 64}
    write_run(desk.folder / "attacks.run.jsonl", found, suite="redteam", dataset="redteam", scorers=scorers)
    assert desk("gate", "--run", "attacks.run.jsonl", "redteam")[0] == code


def test_a_comparison_reads_as_a_verdict_with_the_cases_that_moved(desk):
    before, after = desk.made("before", 0.6), desk.made("after", 0.75, seed=1)
    code, out, _ = desk(
        "eval", "compare", before, after, "--cases", "handbook.jsonl", "--html", "compare.html", "--flips", "2"
    )
    assert code == 0
    assert out.startswith("B answers 15.0 points more of its questions right (+")
    assert "got worse:\n  case-0" in out
    assert "A 1.000  so much, in before" in out
    assert "B 0.000  so much, in after" in out
    assert "What is said in case-0" in (desk.folder / "compare.html").read_text()
    code, out, _ = desk("eval", "compare", before, after, "--json")
    found = json.loads(out)
    assert found["changes"]["right_of_answered"]["difference"]["verdict"] == "better"
    assert found["changes"]["right_of_answered"]["better"] - found["changes"]["right_of_answered"]["worse"] == 45


def test_a_run_is_reported(desk):
    code, out, _ = desk("eval", "report", desk.made("now", 0.6), "--html", "run.html", "--cases", "handbook.jsonl")
    assert code == 0
    assert "handbook: 300 cases, 0 errors" in out
    assert "by slice (hr): --slices" in out
    sliced = desk("eval", "report", str(desk.folder / "now.run.jsonl"), "--slices")[1]
    assert ("right_of_answered  hr " in sliced, "right_of_answered  hr " in out) == (True, False)
    assert "300 cases of handbook with 0 errors" in (desk.folder / "run.html").read_text()
    empty = write_run(desk.folder / "empty.run.jsonl", [], complete=False)
    code, _, err = desk("eval", "report", str(empty.path))
    assert (code, "holds no result yet" in err) == (2, True)


def test_without_a_run_the_suites_of_the_gate_are_asked(desk):
    desk("tenant", "create", "northwind")
    random = np.random.default_rng(0)
    answers = [
        {"case": f"case-{place:04}", "text": "so much" if random.random() < 0.95 else "nothing like it"}
        for place in range(300)
    ]
    (desk.folder / "recorded.jsonl").write_text("".join(json.dumps(each) + "\n" for each in answers))
    code, out, err = desk("gate", "--tenant", "northwind", "--json")
    assert code == 0, out + err
    (judged,) = json.loads(out)["judged"]
    assert judged["found"]["n"] == 300
    assert len(list((desk.folder / "evals" / "runs").glob("handbook-*.run.jsonl"))) == 1


def test_a_misspelt_measure_is_told_before_anything_is_asked(desk):
    desk("tenant", "create", "northwind")
    (desk.folder / "recorded.jsonl").write_text(json.dumps({"case": "case-0000", "text": "so much"}) + "\n")
    code, _, err = desk("gate", "--tenant", "northwind", "--require", "right_of_answerd>=0.5")
    assert (code, "Did you mean 'right_of_answered'?" in err) == (2, True)
    assert not (desk.folder / "evals" / "runs").exists()


def test_a_bundle_is_checked_for_what_evaluates_it(desk):
    assert desk("check", "--json")[0] == 0
    file = desk.folder / "aver.yaml"
    file.write_text(
        f"{BUNDLE}    - {{measure: right, at_least: 0.5}}\n    - {{measure: answered, at_least: 0.5, slice: it}}\n"
    )
    code, out, _ = desk("check", "--json")
    said = [each["said"] for each in json.loads(out)["findings"]]
    assert code == 4
    assert "No scorer of the suite measures 'right'" in said[0]
    assert said[1] == "No case of handbook has the tag 'it'. None has any."
    (desk.folder / "handbook.jsonl").write_text('{"question": "?", "answer": "misspelt"}\n')
    code, out, _ = desk("check", "--json")
    (wrong,) = [each for each in json.loads(out)["findings"] if each["subject"] == "suite handbook"]
    assert "handbook.jsonl:1: " in wrong["said"]
