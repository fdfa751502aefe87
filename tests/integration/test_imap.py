"""Tickets out of a mailbox on a real server, each once, which is left as it was; and servers that are not what they say."""

from __future__ import annotations

import json
from email.message import EmailMessage
from threading import Event

import pytest
from sqlalchemy import select

from aver.core import SystemClock
from aver.core.errors import InvalidInput, NotFound, SourceDenied, Unavailable
from aver.evidence import Draft, Ledger
from aver.ops.feedback import imap
from aver.ops.feedback import store as tables
from aver.ops.feedback.imap import MailFolder, imap_tickets
from aver.ops.feedback.tickets import import_tickets
from aver.server.cli import main
from aver.store import Store
from tests.mailboxes import PASSWORD, mailbox_server, misbehaving

TURN = f"turn_{'0' * 26}"


def mail(number, text=TURN, attached=0):
    message = EmailMessage()
    message["Subject"], message["Message-ID"] = "It is wrong", f"<{number}@example.org>"
    message.set_content(f"See https://aver.example/turns/{text}\n")
    if attached:
        message.add_attachment(b"x" * attached, maintype="application", subtype="octet-stream")
    return message.as_bytes()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imap")
    made = Store(folder / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with mailbox_server(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def tenant(base, request):
    base.create_tenant(name := request.node.name.replace("[", "-").replace("]", "").replace("_", "-")[:60].rstrip("-"))
    found = base.tenant(name)
    with found.begin() as tx:
        body = {"question": "why?", "user": "ann"}
        Ledger(found, SystemClock()).append_all(tx, [Draft(TURN, "admitted", "user:ann", {}, body)])
    return found


def address(box, folder="INBOX", scheme="imap"):
    return MailFolder.parse(f"{scheme}://help%40example.org@127.0.0.1:{box.port}/{folder}")


def read(tenant, box, folder="INBOX", scheme="imap", password=PASSWORD):
    return list(imap_tickets(address(box, folder, scheme), password, tenant, box.trusted))


def ids(tickets):
    return [each.id for each in tickets]


def test_what_came_since_the_last_look_is_read_and_nothing_is_changed(tenant, box):
    assert read(tenant, box, "INBOX") == []
    box.put(mail(1), mail(2, "nothing of the kind"))
    first = imap_tickets(address(box), PASSWORD, tenant, box.trusted)
    done = import_tickets(tenant, Ledger(tenant, SystemClock()), first)
    assert (done.tied, done.untied, done.turns) == (1, 1, (TURN,))
    assert read(tenant, box) == []
    box.put(mail(3))
    assert ids(read(tenant, box)) == ["<3@example.org>"]
    assert read(tenant, box) == []
    assert all(b"Seen" not in each for each in box.flags())
    with tenant.read() as tx:
        (row,) = tx.execute(select(tables.reading)).all()
    assert "example" not in row.name


def test_a_folder_that_is_numbered_anew_is_read_from_its_beginning(tenant, box):
    """And a name that is not ASCII is one, which the server shows as it stands on the wire."""
    wire = '"Anfragen &- M&APw-ll"'
    with box.client() as client:
        assert client.create(wire)[0] == "OK"
    box.put(mail(1), mail(2), folder=wire)
    folder = "Anfragen%20%26%20M%C3%BCll"
    assert ids(read(tenant, box, folder)) == ["<1@example.org>", "<2@example.org>"]
    with box.client() as client:
        assert client.delete(wire)[0] == "OK"
        assert client.create(wire)[0] == "OK"
    box.put(mail(3), folder=wire)
    assert ids(read(tenant, box, folder)) == ["<3@example.org>"]
    with tenant.read() as tx:
        assert len(tx.execute(select(tables.reading)).all()) == 1


def test_a_look_that_ends_early_goes_on_where_it_was(tenant, box, monkeypatch):
    with box.client() as client:
        client.create("many")
    box.put(*(mail(number) for number in range(5)), folder="many")
    look = imap_tickets(address(box, "many"), PASSWORD, tenant, box.trusted)
    assert [next(look).id, next(look).id] == ["<0@example.org>", "<1@example.org>"]
    look.close()  # the second was not taken in: nobody came back for the third
    monkeypatch.setattr(imap, "_MOST", 2)
    monkeypatch.setattr(imap, "_NUMBERS", 3)
    assert ids(read(tenant, box, "many")) == ["<1@example.org>", "<2@example.org>"]
    assert ids(read(tenant, box, "many")) == ["<3@example.org>", "<4@example.org>"]
    assert read(tenant, box, "many") == []


def test_of_a_long_mail_the_words_are_read(tenant, box):
    with box.client() as client:
        client.create("long")
    box.put(mail(1, attached=3 * 2**20), mail(2), folder="long")
    found = read(tenant, box, "long")
    assert ids(found) == ["<1@example.org>", "<2@example.org>"]
    assert found[0].turns == (TURN,)


def test_what_is_wrong_has_a_name(tenant, box):
    with pytest.raises(SourceDenied, match="does not accept"):
        read(tenant, box, password="wrong")
    with pytest.raises(NotFound, match="no such folder"):
        read(tenant, box, "nowhere")
    with pytest.raises(Unavailable, match="certificate"):
        list(imap_tickets(address(box), PASSWORD, tenant))
    with pytest.raises(Unavailable):
        read(tenant, box, scheme="imaps")  # it encrypts only later
    box_gone = MailFolder.parse("imaps://ann@127.0.0.1:9/INBOX")
    with pytest.raises(Unavailable, match="cannot be reached"):
        list(imap_tickets(box_gone, PASSWORD, tenant, box.trusted))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "INBOX",
        "https://ann@mail.example.org/INBOX",
        "imaps://mail.example.org/INBOX",
        "imaps://ann@/INBOX",
        "imaps://ann@mail.example.org:99999/INBOX",
        "imaps://ann@mail.example.org/IN%0d%0aBOX",
        "imaps://an%00n@mail.example.org/INBOX",
        "imaps://ann@mail.example.org/INBOX?x",
        "imaps://ann:hush@mail.example.org/INBOX",
    ],
)
def test_what_is_no_address_is_said_to_be_none(wrong):
    with pytest.raises(InvalidInput) as refused:
        MailFolder.parse(wrong)
    assert "hush" not in str(refused.value)
    found = MailFolder.parse("imaps://ann@mail.example.org")
    assert (found.user, found.port, found.name) == ("ann", 993, "INBOX")


def opened(command, send):
    """What a folder with ten mails says of itself."""
    if command.startswith("EXAMINE"):
        send(b"* 10 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 11] ok\r\n")
    elif "SEARCH" in command:
        send(b"* SEARCH 3 9 9 12 4294967295\r\n")


def flood(command, send):
    if "SEARCH" not in command:
        return opened(command, send)
    while True:
        send(b"* 1 EXISTS\r\n" * 1000)


def endless_line(command, send):
    if "SEARCH" not in command:
        return opened(command, send)
    while True:
        send(b"9 " * 10_000)


def enormous(command, send):
    opened(command, send)
    if "FETCH" in command:
        send(b"* 3 FETCH (UID 3 BODY[]<0> {99999999999}\r\n")
        while True:
            send(b"x" * 65536)


def nonsense(command, send):
    opened(command, send)
    if "SEARCH" in command:
        send(b"* SEARCH three\r\n")


def unnumbered(command, send):
    if command.startswith("EXAMINE"):
        send(b"* 10 EXISTS\r\n")


def noise(_, send):
    send(b"\x00\xff\xfe{5}\r\n)(*\r\n")


@pytest.mark.parametrize("how", [flood, endless_line, enormous, nonsense, unnumbered, noise])
def test_a_server_that_is_none_does_no_harm(tenant, tmp_path, how):
    with misbehaving(tmp_path, how) as wrong, pytest.raises(Unavailable):
        read(tenant, wrong, scheme="imaps")


@pytest.mark.parametrize("when", ["greeting", "later"])
def test_a_server_that_never_comes_to_an_end_is_left(tenant, tmp_path, monkeypatch, when):
    """It says something ever so often, so that no silence ends it."""
    monkeypatch.setattr(imap, "_LOOK", 0.3)
    over = Event()

    def trickling(command, send):
        opened(command, send)
        while "SEARCH" in command and not over.wait(0.02):
            send(b"9")

    given = {"greeting": b"* OK but"} if when == "greeting" else {}
    with misbehaving(tmp_path, trickling, **given) as slow, pytest.raises(Unavailable):
        read(tenant, slow, scheme="imaps")
    over.set()


def test_no_password_goes_out_in_clear(tenant, tmp_path):
    """Whoever stands between leaves STARTTLS out of what the server says that it can."""
    said = []
    with (
        misbehaving(tmp_path, lambda command, _: said.append(command), encrypted=False) as bare,
        pytest.raises(Unavailable),
    ):
        read(tenant, bare)
    assert not [each for each in said if "AUTHENTICATE" in each or "LOGIN" in each]


def test_only_what_was_asked_for_counts_and_what_is_gone_is_passed_over(tenant, tmp_path):
    asked = []

    def forgetful(command, send):
        opened(command, send)
        if "FETCH" in command:
            asked.append(command)
            if " 3 " in command:
                send(b"* 1 FETCH (FLAGS ())\r\n")
            else:
                send(b"* 9 FETCH (BODY[]<0> {%d}\r\n%b UID 9)\r\n" % (len(mail(9)), mail(9)))

    with misbehaving(tmp_path, forgetful) as box:
        assert ids(read(tenant, box, scheme="imaps")) == ["<9@example.org>"]
        assert [each.split()[2] for each in asked] == ["3", "9"]
        assert all("BODY.PEEK[]" in each for each in asked)
        assert read(tenant, box, scheme="imaps") == []


def test_the_command_line_reads_a_mailbox(box, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SUPPORT_MAIL", PASSWORD)
    monkeypatch.setattr("ssl.create_default_context", lambda: box.trusted)
    monkeypatch.setenv("AVER_DATA", str(tmp_path / "data"))
    with box.client() as client:
        client.create("cli")
    box.put(mail(1), folder="cli")
    assert main(["tenant", "create", "acme"]) == 0
    capsys.readouterr()
    where = ["--imap", f"imap://help%40example.org@127.0.0.1:{box.port}/cli"]
    command = ["feedback", "import", "--tenant", "acme", "--json", *where]
    for untied in (1, 0):
        assert main([*command, "--password", "env:SUPPORT_MAIL"]) == 0
        assert json.loads(capsys.readouterr().out) == {"tied": 0, "known": 0, "untied": untied, "turns": []}
    for wrong in ([], ["--password", PASSWORD], ["--password", "env:SUPPORT_MAIL", "--source", "jira"]):
        assert main([*command, *wrong]) != 0
        assert PASSWORD not in "".join(capsys.readouterr())
