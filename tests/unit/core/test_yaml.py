import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class _NoAliases(pyyaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


# PyYAML leaves plain what is text in YAML 1.1 and a number in 1.2, such as 08.
_NoAliases.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@given(PLAIN)
def test_reads_back_whatever_can_be_written(value):
    assert parse_yaml(pyyaml.dump(value, Dumper=_NoAliases, allow_unicode=True), "f.yaml").plain() == value


@given(st.text())
def test_any_text_is_read_or_refused_with_a_line(text):
    try:
        parse_yaml(text, "f.yaml").plain()
    except SettingsError as error:
        line = int(error.cause.split(":")[1])
        assert 1 <= line <= len(text.splitlines()) + 1


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3: 'a' is given twice, first on line 1"),
        ("rules:\n- match: *.md", "f.yaml:2: a value that begins with '*' is an alias"),
        ("rules:\n- match: *all", "f.yaml:2: a value that begins with '*' is an alias"),
        ("a: &x 1\nb: *x", "f.yaml:2: a value that begins with '*' is an alias"),
        ("a:\n\tb: 1", "f.yaml:2: the line is indented with a tab"),
        (
            "a: 1\n---\nb: 2",
            "f.yaml:2: not valid YAML: expected a single document in the stream, but found another document",
        ),
        ("a: [1,", "f.yaml:1: not valid YAML"),
        ("a: 1\nb: \x00", "f.yaml:2: character U+0000 is not allowed"),
        ("\ufeffa: 1\nb: \x07", "f.yaml:2: character U+0007 is not allowed"),
        ("a: !alias b", "f.yaml:1: not valid YAML: the tag '!alias' is not supported"),
        ("a: 1\n? [b]\n: 2", "f.yaml:2: a key must be text"),
        (
            "a: 1\nb: !!python/name:os.system",
            "f.yaml:2: not valid YAML: the tag 'tag:yaml.org,2002:python/name:os.system'",
        ),
        ("[" * 5000, "f.yaml:1: the document is nested too deeply"),
    ],
)
def test_refuses_with_the_line(text, cause):
    with pytest.raises(SettingsError) as caught:
        parse_yaml(text, "f.yaml")
    assert caught.value.cause.startswith(cause)
    assert caught.value.next_step


def test_words_mean_what_they_do_in_yaml_1_2():
    assert parse_yaml("[yes, no, on, 1:30, 010, 2026-01-02, 0x1f, .inf, true, ~]", "f.yaml").plain() == [
        *("yes", "no", "on", "1:30", 10, "2026-01-02", "0x1f", ".inf", True, None)
    ]


def test_an_empty_document_is_nothing_on_line_1():
    value = parse_yaml("# only a comment\n", "f.yaml")
    assert value.is_null
    assert value.line == 1
    assert parse_yaml("\N{BYTE ORDER MARK}a: 1", "f.yaml").plain() == {"a": 1}


def test_fields_name_the_nearest_valid_name_and_the_missing_one():
    value = parse_yaml("- match: a\n- macth: b\n- readers: [c]", "acl.yaml")
    fields = [{"allowed": ("match", "readers"), "required": ("match",)}] * 3
    first, second, third = value.items()
    assert first.fields(**fields[0])["match"].text() == "a"
    with pytest.raises(SettingsError, match=r"acl.yaml:2: 'macth' is not known here. Did you mean 'match'\?"):
        second.fields(**fields[1])
    with pytest.raises(SettingsError, match=r"acl.yaml:3: 'match' is missing"):
        third.fields(**fields[2])


def test_readers_refuse_another_type():
    value = parse_yaml("text: [1]\nwhole: 1.5\nnumber: 1e999\nflag: yes\nlist: 5\nmapping: [5]\nnothing:", "f.yaml")
    fields = value.fields(["text", "whole", "number", "flag", "list", "mapping", "nothing"])
    attempts = {
        "text": (lambda v: v.text(), "1: expected text, found a list"),
        "whole": (lambda v: v.integer(), "2: expected a whole number, found '1.5'"),
        "number": (lambda v: v.number(), "3: expected a number that fits, found '1e999'"),
        "flag": (lambda v: v.boolean(), "4: expected true or false, found 'yes'"),
        "list": (lambda v: v.items(), "5: expected a list, found '5'"),
        "mapping": (lambda v: v.fields(["a"]), "6: expected a mapping of names to values, found a list"),
        "nothing": (lambda v: v.text(), "7: expected text, found nothing"),
    }
    for name, (read, cause) in attempts.items():
        with pytest.raises(SettingsError) as caught:
            read(fields[name])
        assert caught.value.cause == f"f.yaml:{cause}"


def test_text_is_taken_as_it_was_written():
    assert [value.text() for value in parse_yaml("[2024, true, 1.50, 'x y']", "f.yaml").items()] == [
        *("2024", "true", "1.50", "x y")
    ]


def test_what_is_shared_is_put_where_it_is_named():
    text = "base: &base {a: 1, b: 2}\nother: &other {c: 3, a: 9}\nboth: {<<: [*base, *other], b: 5}\nagain: *base\n"
    read = parse_yaml(text, "f.yaml", shares=True)
    assert read.plain()["both"] == {"b": 5, "a": 1, "c": 3}
    assert read.plain()["again"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a {b: *a}", "f.yaml:1: an alias stands for what it is a part of"),
        ("a: 1\nb: *x", "f.yaml:2: a value that begins with '*' is an alias to YAML, and this one stands for nothing"),
        ("a: 1\nb: *", "f.yaml:2: a value that begins with '*' is an alias to YAML, and this one stands for nothing"),
    ],
)
def test_what_is_shared_wrongly_is_told(text, message):
    with pytest.raises(SettingsError) as raised:
        parse_yaml(text, "f.yaml", shares=True)
    assert raised.value.cause.startswith(message)


def test_sharing_does_not_make_a_file_grow_without_end():
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))]
    assert parse_yaml("\n".join(lines), "f.yaml", shares=True).fields([f"a{n}" for n in range(40)])
