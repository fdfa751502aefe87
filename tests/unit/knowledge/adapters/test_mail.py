"""Mails: who wrote what to whom, what they quote, and what is attached, whichever program kept them."""

from __future__ import annotations

import struct
from email.message import EmailMessage
from pathlib import Path

import pytest

from aver.core.errors import AverError, InvalidInput, TooLarge
from aver.knowledge.adapters.rtf_compressed import unpack
from aver.knowledge.parsing import parse
from tests.unit.knowledge.adapters.building import compound, docx, pdf, zipped

REAL = Path("../shared/data/documents/email")


def mail(body="Hello.", **headers):
    message = EmailMessage()
    for name, value in {
        "From": "Ann <ann@example.org>",
        "To": "bob@example.org",
        "Subject": "Travel",
        **headers,
    }.items():
        message[name] = value
    if body is not None:
        message.set_content(body)
    return message


def read(message):
    return parse(message.as_bytes(), "x.bin")


def test_headers_are_lines_and_the_subject_is_the_title():
    parsed = read(
        mail("Hello.\n\nBye.", Cc="Zoë <zoe@example.org>", Date="Tue, 05 Mar 2024 10:00:00 +0100", Subject="Größe")
    )
    assert parsed.title == "Größe"
    assert parsed.text == (
        "Größe\n\nFrom: Ann <ann@example.org>\nTo: bob@example.org\nCc: Zoë <zoe@example.org>\nDate: Tue, 05 Mar 2024 10:00:00 +0100"
        "\n\nHello.\n\nBye."
    )
    assert [(block.kind, block.anchor) for block in parsed.blocks] == [
        ("heading", "headers"),
        ("paragraph", "headers"),
        ("paragraph", "body"),
        ("paragraph", "body"),
    ]


def test_of_two_forms_of_a_body_the_one_with_structure_is_read():
    message = mail("Rates: A 30")
    message.add_alternative("<h1>Rates</h1><table><tr><th>Grade<th>Days<tr><td>A<td>30</table>", subtype="html")
    parsed = read(message)
    assert parsed.text.endswith("\n\nRates\n\nGrade | Days\nA | 30")
    assert "Rates: A 30" not in parsed.text


def test_quoted_mails_stand_under_the_line_that_introduces_them():
    body = "Agreed.\n\nOn Tue, 5 Mar 2024 at 10:00, Bob\n<bob@example.org> wrote:\n> Is it 30?\n>\n> On Mon, Ann Lee wrote:\n>> It was 25.\n"
    parsed = read(mail(body))
    assert [(block.kind, block.anchor, parsed.text[block.start : block.end]) for block in parsed.blocks[2:]] == [
        ("paragraph", "body", "Agreed."),
        ("heading", "quoted history", "On Tue, 5 Mar 2024 at 10:00, Bob <bob@example.org> wrote:"),
        ("paragraph", "quoted history", "Is it 30?"),
        ("heading", "quoted history", "On Mon, Ann Lee wrote:"),
        ("paragraph", "quoted history", "It was 25."),
    ]


def test_replies_between_quotes_stay_where_they_are():
    parsed = read(mail("On Tue, Bob Brown wrote:\n> One?\nYes.\n> Two?\nNo.\n"))
    assert "> One?\nYes.\n> Two?\nNo." in parsed.text
    assert not any(block.anchor == "quoted history" for block in parsed.blocks)


@pytest.mark.parametrize(
    "start",
    [
        "-----Original Message-----",
        "From: Bob Brown\nSent: Tuesday\nTo: Ann",
        "Am 05.03.2024 um 10:00 schrieb Bob Brown:",
        "Le mar. 5 mars 2024, Bob a écrit :",
    ],
)
@pytest.mark.parametrize("is_html", [False, True])
def test_programs_begin_what_they_quote_in_their_own_ways(start, is_html):
    message = mail(f"Agreed.\n\n{start}\n\nIs it 30?\n")
    if is_html:
        message.set_content(
            f"<p>Agreed.<p>{start.replace(chr(10), '<br>')}<blockquote>Is it 30?</blockquote>", subtype="html"
        )
    parsed = read(message)
    places = {parsed.text[block.start : block.end]: block.anchor for block in parsed.blocks}
    assert places["Agreed."] == "body"
    assert places["Is it 30?"] == "quoted history"


def test_attachments_are_read_by_their_own_formats_and_bad_ones_are_named():
    message = mail("See below.")
    for name, data in {
        "rates.csv": b"a,b\n1,2\n",
        "plan.pdf": pdf([[(72, 700, 12, "The plan.")]]),
        "memo.docx": docx("<w:p><w:r><w:t>A memo.</w:t></w:r></w:p>"),
        "files.zip": zipped({"a": "b"}),
        "broken.docx": b"PK\x03\x04 nothing",
    }.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    parsed = read(message)
    sections = parsed.text.split("See below.\n\n")[1]
    assert sections == (
        "rates.csv\n\na | b\n1 | 2\n\nplan.pdf\n\nThe plan.\n\nmemo.docx\n\nA memo.\n\nfiles.zip\n\n"
        "This attachment is not read: A ZIP archive is not read.\n\nbroken.docx\n\nThis attachment is not read: The document is damaged."
    )
    places = {parsed.text[block.start : block.end]: block.anchor for block in parsed.blocks}
    assert places["1 | 2"] == "attachment rates.csv, L2"
    assert places["The plan."].startswith("attachment plan.pdf")


def test_a_mail_in_a_mail_is_a_section_and_endless_mails_end():
    message = mail("The innermost.", Subject="0")
    for number in range(1, 8):
        outer = mail(f"Level {number}.", Subject=str(number))
        outer.add_attachment(message)
        message = outer
    parsed = read(message)
    assert "Level 7." in parsed.text
    assert "Level 3." in parsed.text
    assert "Level 2." not in parsed.text
    assert "Mails lie more than 5 deep" in parsed.text


def test_pictures_in_the_text_and_signatures_are_no_attachments():
    message = mail("Signed.")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png", cid="<logo>")
    message.add_attachment(b"abc", maintype="application", subtype="pgp-signature", filename="signature.asc")
    assert read(message).text.endswith("Signed.")


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=nonsense\r\nSubject: =?x?q?=\r\n\r\nHello",
        b"From: =?utf-8?b?!!!?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b",
        b"From: \xff\xfe\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nSGVsbG8",
        b'From: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset="utf-8\n\nHello',
    ],
)
def test_mails_that_break_the_rules_are_read_as_far_as_they_go(raw):
    assert "Hello" in parse(raw, "x.eml").text


def test_parts_nested_without_end_are_refused():
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (level, level) for level in range(2_000)
    )
    with pytest.raises(TooLarge, match="nested"):
        parse(b"From: a\nMIME-Version: 1.0\n" + deep, "x.eml")


def wide(key, text):
    return f"__substg1.0_{key:04X}001F", text.encode("utf-16-le")


def message_streams(*texts, folder="", **more):
    header = bytes(32 if not folder else 24)
    sent = struct.pack("<IIQ", 0x00390040, 6, 133_541_064_000_000_000)
    streams = {"__properties_version1.0": header + sent, **dict(texts), **more}
    return {f"{folder}{name}": data for name, data in streams.items()}


def test_outlook_messages_read_alike():
    attached = "__attach_version1.0_#00000000/"
    inner = "__attach_version1.0_#00000001/__substg1.0_3701000D/"
    streams = {
        **message_streams(
            wide(0x0037, "Travel"),
            wide(0x0C1A, "Ann"),
            wide(0x5D01, "ann@example.org"),
            wide(0x0E04, "Bob"),
            wide(0x1000, "Hello.\r\n"),
        ),
        f"{attached}__properties_version1.0": bytes(8),
        f"{attached}{wide(0x3707, 'rates.csv')[0]}": "rates.csv".encode("utf-16-le"),
        f"{attached}__substg1.0_37010102": b"a,b\n1,2\n",
        **message_streams(wide(0x0037, "Earlier"), wide(0x1000, "It was 25."), folder=inner),
    }
    parsed = parse(compound(streams), "x.bin")
    assert parsed.text == (
        "Travel\n\nFrom: Ann <ann@example.org>\nTo: Bob\nDate: 2024-03-05 10:00 UTC\n\nHello.\n\nrates.csv\n\na | b\n1 | 2\n\n"
        "Earlier\n\nDate: 2024-03-05 10:00 UTC\n\nIt was 25."
    )
    assert parsed.blocks[-1].anchor == "attachment Earlier, body"


def test_an_outlook_message_in_rich_text_or_old_encodings_is_read():
    packed = struct.pack("<II4sI", 0, 200, b"MELA", 0) + rb"{\rtf1\ansi Rich \'e9t\'e9\par}"
    assert parse(compound(message_streams(("__substg1.0_10090102", packed))), "x.msg").text.endswith("Rich été")
    page = struct.pack("<IIII", 0x3FFD0003, 6, 1251, 0)
    streams = message_streams(("__substg1.0_1000001E", "Привет".encode("cp1251")))
    streams["__properties_version1.0"] += page
    assert parse(compound(streams), "x.msg").text.endswith("Привет")


def test_rich_text_that_outlook_packed_is_unpacked():
    # The example of [MS-OXRTFCP] 4.1: "{\rtf1\ansi\ansicpg1252\pard hello world}\r\n".
    packed = bytes.fromhex("2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232")
    packed += bytes.fromhex("0af32068656c090020627705b06c647d0a800fa0")
    assert unpack(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (compound({"a": b"x"}), "no Outlook message"),
        (compound(message_streams())[:600], "damaged"),
        (b"plain", "no Outlook message"),
    ],
)
def test_what_is_no_outlook_message_says_so(data, says):
    with pytest.raises(InvalidInput, match=says):
        parse(data, "x.msg")


def test_chains_that_lead_back_to_themselves_end():
    data = bytearray(compound(message_streams(wide(0x1000, "x" * 3_000))))
    table = len(data) - 512  # whose entry 5 names the sector after the fifth of the body, which begins in sector 1
    assert data[table + 20 : table + 24] == b"\x06\0\0\0"
    data[table + 20 : table + 24] = b"\x01\0\0\0"
    with pytest.raises(AverError, match="damaged"):
        parse(bytes(data), "x.msg")


@pytest.mark.skipif(not REAL.exists(), reason="the documents under ../shared/data are not there")
def test_real_mails_of_both_kinds_read_whole():
    parsed = parse((REAL / "eml_with_attachment.eml").read_bytes(), "x.eml")
    assert parsed.text.endswith(
        "Best regards,\nAlice\n\ntest.txt\n\nThis is a test attachment file.\nIt contains some dummy content."
    )
    parsed = parse((REAL / "msg_simple.msg").read_bytes(), "x.msg")
    assert parsed.title == "Simple Email"
    assert parsed.text.endswith("Hello Bob,\n\nThis is a simple email body.")
