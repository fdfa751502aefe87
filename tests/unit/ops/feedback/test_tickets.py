"""E-mails as tickets, from wherever they are kept and however badly they are written."""

import mailbox
from contextlib import closing
from email.message import EmailMessage

import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.ops.feedback.tickets import mail_tickets

TURN = f"turn_{'0' * 26}"


def mail(text, subject="It is wrong", *, html=False, name="<1@example.org>"):
    message = EmailMessage()
    message["Subject"], message["Message-ID"] = subject, name
    message.set_content(text, subtype="html" if html else "plain")
    return message


def test_a_maildir_an_mbox_a_folder_and_a_file_hold_the_same(tmp_path):
    message = mail(f"I was told ten days.\nhttps://aver.example/turns/{TURN}\n")
    mailbox.Maildir(tmp_path / "maildir").add(message)
    with closing(mailbox.mbox(tmp_path / "box")) as box:
        box.add(message)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "1.eml").write_bytes(message.as_bytes())
    places = ("maildir", "box", "folder", "folder/1.eml")
    found = [list(mail_tickets(tmp_path / place)) for place in places]
    assert {len(each) for each in found} == {1}
    assert {each.id for (each,) in found} == {"<1@example.org>"}
    for (each,) in found:
        assert each.turns == (TURN,)
        assert each.subject == "It is wrong"


def test_a_mail_of_html_is_read_as_text(tmp_path):
    file = tmp_path / "1.eml"
    file.write_bytes(mail(f"<style>p{{}}</style><p>Wrong: <b>{TURN}</b></p>", html=True).as_bytes())
    (found,) = mail_tickets(file)
    assert "<" not in found.text
    assert found.turns == (TURN,)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?q?" + b"=ff" * 50 + b"?=\n\nx",
        b"Content-Type: text/plain; charset=nonsense\n\n\xe9 " + TURN.encode(),
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n",
        b"Message-ID: <" + b"a" * 5000 + b"\n\n\0",
    ],
)
def test_whatever_a_mail_is_made_of_is_read(tmp_path, raw):
    file = tmp_path / "1.eml"
    file.write_bytes(raw)
    (found,) = mail_tickets(file)
    assert "\0" not in found.text
    assert found.id
    assert found.turns == ((TURN,) if TURN.encode() in raw else ())


def test_what_is_no_mail_is_said_to_be_none(tmp_path):
    with pytest.raises(NotFound):
        list(mail_tickets(tmp_path / "nothing"))
    with pytest.raises(InvalidInput):
        list(mail_tickets(tmp_path))
