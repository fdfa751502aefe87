"""Access lists: which rule decides, what a pattern covers, and errors that name the line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, NotFound, SettingsError
from aver.knowledge.access import AccessList


def access(*rules):
    lines = (f"- {{match: '{match}', readers: [{', '.join(readers)}]}}" for match, readers in rules)
    return AccessList.parse("\n".join(lines), "acl.yaml")


@pytest.mark.parametrize(
    ("match", "covers", "leaves"),
    [
        ("**", ["a", "a/b/c.md", ".x"], []),
        ("*", ["a", "a/b/c.md"], []),
        ("*.md", ["x.md", "a/b/x.md"], ["x.txt", "x.md/y", "xmd"]),
        ("hr/*", ["hr/a.md"], ["hr/a/b.md", "hr", "x/hr/a.md", "hrx/a.md"]),
        ("hr/**", ["hr/a.md", "hr/a/b.md"], ["hr", "x/hr/a.md"]),
        ("hr", ["hr", "hr/a.md", "x/hr/y/z.md"], ["hr.md", "xhr", "xhr/a.md"]),
        ("hr/", ["hr/a.md", "x/hr/a.md"], ["hr", "hrx/a"]),
        ("/hr", ["hr", "hr/a.md"], ["hrs", "x/hr/a.md"]),
        ("/hr/pay", ["hr/pay", "hr/pay/a"], ["x/hr/pay", "hr/payroll"]),
        ("**/pay", ["pay", "a/b/pay", "a/pay/x"], ["a/prepay"]),
        ("a/**/b.md", ["a/b.md", "a/x/b.md", "a/x/y/b.md"], ["a/xb.md", "b.md"]),
        ("teams/*/private/**", ["teams/x/private/a/b"], ["teams/x/y/private/a", "teams/private/a"]),
        ("v?.md", ["v1.md", "a/v2.md"], ["v10.md", "v/.md"]),
        ("a.[x]+(y)", ["a.[x]+(y)", "a.[x]+(y)/z"], ["a.xy", "aZ[x]+(y)"]),
        ("Größe/*", ["Größe/ü.md"], ["größe/ü.md"]),
        ("a b.md", ["a b.md"], ["ab.md"]),
    ],
)
def test_a_pattern_covers_what_its_documentation_says(match, covers, leaves):
    rules = access((match, ["everyone"]))
    assert [path for path in covers if not rules.readers(path)] == []
    assert [path for path in leaves if rules.readers(path)] == []


def test_the_last_match_decides_alone_and_no_match_means_nobody():
    rules = access(("hr/**", ["everyone"]), ("hr/pay/**", ["group:hr", "user:ada", "group:hr"]), ("hr/pay/old.md", []))
    assert rules.readers("hr/a.md") == ("everyone",)
    assert rules.readers("hr/pay/a.md") == ("group:hr", "user:ada")
    assert rules.readers("hr/pay/old.md") == ()
    assert rules.readers("it/a.md") == ()


def test_without_a_file_everyone_of_the_tenant_reads():
    assert AccessList.everyone().readers("any/path") == ("everyone",)


GLOBS = st.lists(st.sampled_from(["**/", "*", "a", "b", "/", "?", ".md", "é", "("]), min_size=1, max_size=6).map(
    "".join
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.md", "é(", "b.md"]), min_size=1, max_size=5).map("/".join)


@given(st.lists(GLOBS.filter(lambda glob: glob.strip("/")), min_size=1, max_size=8), PATHS)
def test_many_rules_together_say_what_each_says_alone(globs, path):
    rules = [(glob, [f"user:u{number}"]) for number, glob in enumerate(globs)]
    alone = [access(rule).readers(path) for rule in rules]
    assert access(*rules).readers(path) == next((readers for readers in reversed(alone) if readers), ())


def test_hundreds_of_rules_still_answer_with_the_last():
    rules = access(*((f"d{number}/**", [f"group:g{number}"]) for number in range(500)))
    assert rules.readers("d7/x") == ("group:g7",)
    assert rules.readers("d499/x/y") == ("group:g499",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "acl.yaml:1: the access list is empty"),
        ("# only a comment\n", "the access list is empty"),
        ("match: x", "acl.yaml:1: expected a list"),
        ("- {match: x, readers: []}\n- hello", "acl.yaml:2: expected a mapping"),
        ("- match: x", "acl.yaml:1: 'readers' is missing"),
        ("- readers: []", "acl.yaml:1: 'match' is missing"),
        ("- match: x\n  reders: []", "acl.yaml:2: 'reders' is not known here. Did you mean 'readers'"),
        ("- match: x\n  readers: everyone", "acl.yaml:2: expected a list"),
        ("- match: x\n  readers:\n    - everyone\n    - bob", "acl.yaml:4: 'bob' names no reader"),
        ("- match: x\n  readers: ['user:']", "acl.yaml:2: 'user:' names no reader"),
        ("- match: *.md\n  readers: []", "acl.yaml:1: .*quotes"),
        ("- match: [", "acl.yaml:1"),
        ("- match: ''\n  readers: []", "acl.yaml:1: the pattern matches nothing"),
        ("- match: ../x\n  readers: []", "acl.yaml:1: no path looks like"),
        ("- match: 'a\\b'\n  readers: []", "acl.yaml:1: no path looks like"),
    ],
)
def test_a_mistake_is_answered_with_its_line(text, says):
    with pytest.raises(SettingsError, match=says) as caught:
        AccessList.parse(text, "acl.yaml")
    assert caught.value.next_step


def test_a_file_is_read_or_its_absence_told(tmp_path):
    path = tmp_path / "acl.yaml"
    path.write_text("- {match: '**', readers: [everyone]}", encoding="utf-8")
    assert AccessList.load(path) == AccessList.everyone()
    path.write_bytes(b"- match: x\n  readers: [user:\xff]")
    with pytest.raises(SettingsError, match=r"acl\.yaml:2: not UTF-8"):
        AccessList.load(path)
    with pytest.raises(NotFound, match="no access list"):
        AccessList.load(tmp_path / "absent.yaml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        AccessList.load(tmp_path)
