"""Every way to ask, in one form: what a user can see of a reply, whole, as text."""

from __future__ import annotations

import asyncio
import html
import io
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from aver.core import Principal
from aver.core.errors import AverError
from aver.core.settings import Settings
from aver.server.application import Application
from aver.server.cli import main
from aver.server.wire import to_json
from tests.isolation.world import User

_OF_THE_MOMENT = ("x-request-id", "request-id", "date")
_PATHS = {"OpenAI": "/v1/chat/completions", "Responses": "/v1/responses", "Anthropic": "/v1/messages"}
_TURN, _CONVERSATION = re.compile(r"\bturn_[0-9a-z]{26}\b"), re.compile(r"\bconversation_[0-9a-z]{26}\b")


@dataclass
class Caller:
    """A user with what they hold: an API key now, and perhaps a session of the console."""

    user: User
    tenant_id: str
    key_id: str
    key: str
    cookie: str = ""

    @property
    def principal(self) -> Principal:
        return Principal(self.tenant_id, self.user.name, self.user.groups)


@dataclass(frozen=True)
class Reply:
    """``status`` is an HTTP status, or an exit code; ``text`` all that came with it."""

    status: int
    text: str

    @property
    def refused(self) -> bool:
        return self.status in (3, 404)

    @property
    def turn(self) -> str:
        return _TURN.findall(self.text)[0]

    @property
    def conversation(self) -> str:
        return _CONVERSATION.findall(self.text)[0]


class Face:
    """One way to ask. What a face does not offer returns ``None``."""

    name = "none"

    def __repr__(self) -> str:
        return self.name

    def search(self, caller: Caller, query: str) -> Reply | None:
        return None

    def documents(self, caller: Caller) -> Reply | None:
        return None

    def sources(self, caller: Caller) -> Reply | None:
        return None

    def document(self, caller: Caller, document: str, version: int | None = None) -> Reply | None:
        return None

    def ask(self, caller: Caller, question: str, conversation: str | None = None) -> Reply | None:
        return None

    def conversations(self, caller: Caller) -> Reply | None:
        return None

    def conversation(self, caller: Caller, conversation: str) -> Reply | None:
        return None

    def evidence(self, caller: Caller, conversation: str, turn: str) -> Reply | None:
        return None

    def delete(self, caller: Caller, document: str) -> Reply | None:
        return None


class Library(Face):
    """The Python API."""

    name = "library"

    def __init__(self, application: Application) -> None:
        self.application = application

    def _call(self, work: Any) -> Reply:
        try:
            return Reply(0, to_json(work()).decode())
        except AverError as error:
            return Reply(error.status, to_json(error.problem()).decode())

    def _knowledge(self, caller: Caller) -> Any:
        return self.application.tenant(caller.tenant_id).knowledge

    def _assistant(self, caller: Caller) -> Any:
        return self.application.tenant(caller.tenant_id).assistant

    def search(self, caller, query):
        return self._call(lambda: self._knowledge(caller).search(caller.principal, query))

    def documents(self, caller):
        return self._call(lambda: self._knowledge(caller).documents(caller.principal))

    def sources(self, caller):
        return self._call(lambda: self.application.tenant(caller.tenant_id).sources.overviews(caller.principal))

    def document(self, caller, document, version=None):
        return self._call(lambda: self._knowledge(caller).document(caller.principal, document, version))

    def ask(self, caller, question, conversation=None):
        return self._call(lambda: asyncio.run(self._asked(caller, question, conversation)))

    async def _asked(self, caller, question, conversation):
        return await self.application.finishing(self._events(caller, question, conversation))

    async def _events(self, caller, question, conversation):
        return [event async for event in self._assistant(caller).run(caller.principal, question, conversation)]

    def conversations(self, caller):
        return self._call(lambda: self._assistant(caller).conversations(caller.principal))

    def conversation(self, caller, conversation):
        return self._call(lambda: self._assistant(caller).conversation(caller.principal, conversation))

    def evidence(self, caller, conversation, turn):
        return self._call(lambda: self._assistant(caller).evidence(caller.principal, turn))

    def delete(self, caller, document):
        return self._call(lambda: self._knowledge(caller).delete(caller.principal, document))


class CommandLine(Face):
    """``aver`` as another process on the same data would run it: with an application of its own."""

    def __init__(self, data: str, opener: Callable[[Settings], Application], *, as_json: bool) -> None:
        self.name = "command line, JSON" if as_json else "command line"
        self._data = data
        self._opener = opener
        self._json = ["--json"] if as_json else []

    def run(self, caller: Caller, *words: str) -> Reply:
        """A command, as the operator runs it for the caller."""
        groups = [word for group in sorted(caller.user.groups) for word in ("--group", group)]
        who = ["--tenant", caller.tenant_id, "--user", caller.user.name, *groups]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--data", self._data, *words, *who, *self._json], open_application=self._opener)
        return Reply(code, out.getvalue() + err.getvalue())

    def search(self, caller, query):
        return self.run(caller, "search", query)

    def documents(self, caller):
        return self.run(caller, "documents", "list")

    def document(self, caller, document, version=None):
        return self.run(caller, "documents", "show", document, *(["--version", str(version)] if version else []))

    def ask(self, caller, question, conversation=None):
        return self.run(caller, "ask", question, *(["--conversation", conversation] if conversation else []))

    def delete(self, caller, document):
        return self.run(caller, "documents", "delete", document)


class _Http(Face):
    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._address = (address.hostname or "", address.port or 0)

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        connection = HTTPConnection(*self._address, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = response.read().decode("utf-8", "replace")  # of a picture nothing is read but its status
            kept = [(name, value) for name, value in response.getheaders() if name not in _OF_THE_MOMENT]
            own = response.getheader("request-id")  # each call's, and some protocols say it in the body too
            content = content.replace(own, "REQUEST") if own else content
        finally:
            connection.close()
        asked_anew = {"no-store"} | ({"private, no-cache"} if path.endswith(".png") else set())
        assert asked_anew & {value for name, value in kept if name == "cache-control"}, f"{path} may be kept by a cache"
        return Reply(response.status, "\n".join(f"{name}: {value}" for name, value in sorted(kept)) + "\n\n" + content)

    def _json(self, caller: Caller, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        headers = {"Authorization": f"Bearer {caller.key}"}
        if body is None:
            return self._request("GET", path, headers)
        headers["Content-Type"] = "application/json"
        return self._request("POST", path, headers, orjson.dumps(body))


class Api(_Http):
    """The HTTP API, whose answers come at once or sentence by sentence."""

    def __init__(self, url: str, *, stream: bool) -> None:
        super().__init__(url)
        self.name = "HTTP, streaming" if stream else "HTTP"
        self._stream = stream

    def get(self, caller: Caller, path: str) -> Reply:
        """What is at an address."""
        return self._json(caller, path)

    def post(self, caller: Caller, path: str, body: Mapping[str, Any]) -> Reply:
        """What comes of sending something there."""
        return self._json(caller, path, body)

    def search(self, caller, query):
        return self._json(caller, "/v1/search", {"query": query})

    def mcp(self, caller: Caller, tool: str, **arguments: str) -> Reply:
        """A call of one of the tools that Aver offers to programs."""
        headers = {
            "Authorization": f"Bearer {caller.key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        params = {"name": tool, "arguments": arguments}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return self._request("POST", "/mcp", headers, orjson.dumps(call))

    def documents(self, caller):
        return self._json(caller, "/v1/documents")

    def sources(self, caller):
        return self._json(caller, "/v1/sources")

    def document(self, caller, document, version=None):
        return self._json(caller, f"/v1/documents/{document}" + (f"?version={version}" if version else ""))

    def ask(self, caller, question, conversation=None):
        body = {"question": question, "conversation": conversation, "stream": self._stream}
        return self._json(caller, "/v1/ask", body)

    def conversations(self, caller):
        return self._json(caller, "/v1/conversations")

    def conversation(self, caller, conversation):
        return self._json(caller, f"/v1/conversations/{conversation}")

    def evidence(self, caller, conversation, turn):
        return self._json(caller, f"/v1/turns/{turn}/evidence")


class Door(_Http):
    """A door for models' clients, with the assistant behind it."""

    def __init__(self, url: str, protocol: str, *, stream: bool) -> None:
        super().__init__(url)
        self.name = f"{protocol}, streaming" if stream else protocol
        self._path = _PATHS[protocol]
        self._stream = stream

    def ask(self, caller, question, conversation=None):
        said = question if self._path == "/v1/responses" else [{"role": "user", "content": question}]
        body = {
            "model": "assistant",
            "input" if self._path == "/v1/responses" else "messages": said,
            "max_tokens": 1000,
            "stream": self._stream,
            "conversation": conversation,
        }
        return self._json(caller, self._path, body)


class Console(_Http):
    """The pages, as a signed-in browser without scripts gets them."""

    name = "console"

    def get(self, caller: Caller, path: str, **headers: str) -> Reply:
        """The page at an address."""
        return self._page(caller, path, headers=headers)

    def send(self, caller: Caller, path: str, **form: str) -> Reply:
        """The page that a form leads to."""
        return self._page(caller, path, form)

    def _page(
        self,
        caller: Caller,
        path: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        if not caller.cookie:
            entered = self._post("/sign-in", {"key": caller.key})
            found = re.search(r"set-cookie: (aver_session=[^;]+)", entered.text)
            caller.cookie = found[1] if found else ""
        headers = {**(headers or {}), "Cookie": caller.cookie}
        reply = self._request("GET", path, headers) if form is None else self._post(path, form, headers)
        return Reply(reply.status, html.unescape(reply.text))

    def _post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Reply:
        sent = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", path, sent | dict(headers or {}), urlencode(form).encode())

    def documents(self, caller):
        return self._page(caller, "/")

    conversations = documents

    def sources(self, caller):
        return self._page(caller, "/knowledge")

    def document(self, caller, document, version=None):
        return self._page(caller, f"/documents/{document}" + (f"?version={version}" if version else ""))

    def ask(self, caller, question, conversation=None):
        asked = self._page(caller, "/", {"question": question, "conversation": conversation or ""})
        found = re.search(r"location: (/\?[^#\s]+)", asked.text)
        if found is None:
            return asked
        address = found[1]
        shown = self._page(caller, address)
        sources = [self._page(caller, f"{address}&open={place}") for place in ("1", "2", "near-1")]
        return Reply(shown.status, "\n\n".join([asked.text, shown.text, *(source.text for source in sources)]))

    def conversation(self, caller, conversation):
        page = self._page(caller, "/?" + urlencode({"conversation": conversation}))
        links = sorted(set(re.findall(r'href="(/\?[^"]*open=[^"#]*)', page.text)))
        opened = [self._page(caller, link) for link in links]
        return Reply(page.status, "\n\n".join([page.text, *(reply.text for reply in opened)]))

    def evidence(self, caller, conversation, turn):
        return self._page(caller, "/?" + urlencode({"conversation": conversation, "turn": turn, "open": "evidence"}))


def every_face(application: Application, url: str, opener: Callable[[Settings], Application]) -> tuple[Face, ...]:
    """All of them: the library over ``application``, the pages and APIs of the server at ``url``, and the command line over
    what ``opener`` opens, all on the same data."""
    data = str(application.settings.data)
    return (
        Library(application),
        Api(url, stream=False),
        Api(url, stream=True),
        Door(url, "OpenAI", stream=False),
        Door(url, "OpenAI", stream=True),
        Console(url),
        CommandLine(data, opener, as_json=True),
        CommandLine(data, opener, as_json=False),
        Door(url, "Responses", stream=False),
        Door(url, "Responses", stream=True),
        Door(url, "Anthropic", stream=False),
        Door(url, "Anthropic", stream=True),
    )
