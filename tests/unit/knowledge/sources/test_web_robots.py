"""``robots.txt`` is read as RFC 9309 has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.knowledge.sources.web_address import normal
from aver.knowledge.sources.web_robots import Robots


def allows(text, path):
    return Robots.parse(text).allows(normal(f"https://h.example{path}"))


def test_the_example_of_the_rfc():
    text = """
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""

    def says(agent, path):
        return Robots.parse(text, agent).allows(f"https://h.example{path}")

    assert not says("Aver", "/example/page.html")
    assert not says("Aver", "/x.gif")
    assert says("Aver", "/x.gif?y")
    assert says("Aver", "/publications/")
    assert says("FooBot", "/example/page.html")
    assert says("foobot", "/example/allowed.gif")
    assert not says("foobot", "/")
    assert not says("bazbot", "/example/page.html")
    assert says("barbot", "/example/other.html")
    assert says("quxbot", "/example/page.html")


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("", "/x", True),
        ("Disallow:", "/x", True),
        ("Disallow: /", "/x", False),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /fish", "/fish.html", False),
        ("Disallow: /fish", "/Fish", True),
        ("Disallow: /fish*", "/fishheads/yummy", False),
        ("Disallow: /fish/", "/fish", True),
        ("Disallow: /fish/", "/fish/a?x=1", False),
        ("Disallow: fish", "/fish", False),
        ("Disallow: /*.php", "/a/b.php?x", False),
        ("Disallow: /*.php$", "/b.php?x", True),
        ("Disallow: /*.php$", "/b.php", False),
        ("Disallow: /fish*.php", "/fishheads/catfish.php", False),
        ("Disallow: /a$", "/a", False),
        ("Disallow: /a$", "/ab", True),
        ("Disallow: /a*$", "/ab", False),
        ("Disallow: /a*bc$", "/abc", False),
        ("Disallow: /ab*bc$", "/abc", True),
        ("Disallow: /*?", "/a?b=1", False),
        ("Disallow: /*?", "/a", True),
        ("Disallow: /p\nAllow: /page", "/page", True),
        ("Disallow: /page.htm\nAllow: /page", "/page.htm", False),
        ("Disallow: /page\nAllow: /page", "/page", True),
        ("Disallow: /\nAllow: /$", "/", True),
        ("Disallow: /\nAllow: /$", "/a", False),
        ("Disallow: /caf%c3%a9", "/café", False),
        ("Disallow: /café", "/caf%C3%A9/x", False),
        ("Disallow: /%7Eann", "/~ann", False),
        ("Disallow: /a%2fb", "/a/b", True),
        ("Disallow: /a%2fb", "/a%2Fb", False),
        ("Disallow: /x # because", "/x", False),
        ("DISALLOW : /x", "/x", False),
        ("Dissalow: /x", "/x", True),
        ("Unknown: y\nDisallow: /x", "/x", False),
    ],
)
def test_rules(rules, path, allowed):
    assert allows(f"User-agent: *\n{rules}", path) == allowed


def test_the_groups_that_name_it_are_one_and_those_for_everyone_do_not_count():
    text = (
        "\ufeffuser-agent: AVER/2.0\r\nDisallow: /a\r\rUser-agent: *\nDisallow: /\nUser-agent: other\n"
        "User-agent: aver # again\n\nDisallow: /b\nCrawl-delay: 1.5\nSitemap: https://h.example/s.xml\n"
    )
    robots = Robots.parse(text.removeprefix("\ufeff"))
    assert [robots.allows(f"https://h.example/{each}") for each in "abc"] == [False, False, True]
    assert robots.delay == 1.5
    assert robots.sitemaps == ("https://h.example/s.xml",)
    assert not allows("User-agent: averse\nAllow: /\n\nUser-agent: *\nDisallow: /x", "/x")


@pytest.mark.parametrize("said", ["-1", "inf", "nan", "soon", "1e9", "9" * 400, "²"])
def test_a_delay_that_is_none(said):
    assert Robots.parse(f"User-agent: *\nCrawl-delay: {said}").delay == 0.0


def test_rules_before_any_group_are_nobodys():
    assert allows("Disallow: /", "/x")


@given(st.text())
def test_no_text_is_too_odd(text):
    Robots.parse(text).allows("https://h.example/a?b")


def test_stars_take_no_time_that_grows_with_their_number():
    text = f"User-agent: *\nDisallow: /{'*a' * 5000}b$"
    assert allows(text, "/" + "a" * 1900)  # whoever tried all ways to match would not come to an end
