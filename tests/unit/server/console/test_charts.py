"""Charts hold what they are given: their geometry stays within the plane, gaps stay gaps, and words are words."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from aver.server.console.charts import Column, Mark, Part, Point, columns, line, meter, spark

HOSTILE = '"><script>alert(1)</script>'
numbers = st.floats(-1e9, 1e9, allow_nan=False)


def read(markup):
    """As XML, which is stricter than HTML."""
    return ElementTree.fromstring(str(markup).replace("&nbsp;", " "))


@given(st.lists(st.one_of(st.none(), numbers), min_size=1, max_size=20), st.one_of(st.none(), numbers))
def test_a_line_stays_within_its_plane(values, rule):
    points = [Point(at, value, value, value) for at, value in enumerate(values)]
    drawn = read(line(points, "Latency", "{:.0f}".format, rule=rule, marks=[Mark(0, "a release", "/releases")]))
    for path in drawn.iter("path"):
        found = [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", path.get("d"))]
        assert all(-0.1 <= each <= 1000.1 for each in found)
        assert all(-0.1 <= each <= 100.1 for each in found[1::2])


def test_a_line_says_its_last_value_and_has_gaps():
    points = [Point(0, 0.5), Point(1, 0.75), Point(2, None), Point(3, 1.0)]
    drawn = read(line(points, "Success", "{:.2f}".format, rule=0.9, ends=("Monday", "today")))
    assert drawn.find("figcaption/strong").text == "1.00"
    assert len([each for each in drawn.iter("path") if each.get("class") == "stroke"]) == 2
    assert len([each for each in drawn.iter("circle") if each.get("class") == "dot"]) == 1
    assert [each.text for each in drawn.iter("text")] == ["0.90"]
    assert "Success: 1.00 last, 0.50 at the lowest" in drawn.find("div").get("aria-label")


def test_nothing_is_said_to_be_nothing():
    for drawn in (line([], "Latency", str), line([Point(0, None)], "Latency", str), columns([], "Turns")):
        assert "No data yet" in drawn
    assert spark([], "Latency") == ""
    assert meter([], 0, "Budget") == ""


def test_words_are_not_markup():
    points = [Point(0, 1.0), Point(1, 2.0)]
    mark = Mark(0, HOSTILE, HOSTILE)
    drawn = (
        line(points, HOSTILE, lambda _: HOSTILE, rule=1, marks=[mark], ends=(HOSTILE, HOSTILE)),
        spark(points, HOSTILE),
        columns([Column(HOSTILE, [Part(1, HOSTILE, HOSTILE)], HOSTILE)], HOSTILE, (HOSTILE, HOSTILE)),
        meter([Part(1, HOSTILE)], 2, HOSTILE),
    )
    for each in drawn:
        assert "<script" not in each
        read(each)


def test_columns_stack_to_the_highest():
    slots = [Column("1", [Part(1, "a"), Part(3, "b", "block")], "/turns"), Column("2", [Part(2, "a")])]
    drawn = read(columns(slots, "Turns"))
    tall = [float(each.get("height").rstrip("%")) for each in drawn.iter("rect") if each.get("class") != "slot"]
    assert tall == [25, 75, 50]
    assert len(list(drawn.iter("a"))) == 1


@given(st.lists(st.floats(0, 1e12), max_size=4), st.floats(0, 1e12))
def test_a_meter_never_overflows(parts, whole):
    drawn = meter([Part(each, "x") for each in parts], whole, "Budget")
    if drawn:
        wide = [float(e.get("width").rstrip("%")) for e in read(drawn).iter("rect") if e.get("class") != "rail"]
        assert sum(wide) <= 100.1


def test_a_line_with_links_is_a_group_and_one_without_a_picture():
    points = [Point(0, 1.0), Point(1, 2.0)]
    roles = [
        read(line(points, "Latency", str, marks=marks)).find("div").get("role")
        for marks in ([Mark(0, "v2", "/releases")], [Mark(0, "v2")])
    ]
    assert roles == ["group", "img"]
