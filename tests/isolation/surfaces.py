"""Every surface on which a document may be read: what to do there to see it. What is not told to readers says what it tells instead.

:data:`ROUTES` has an entry for every address that the server answers, :data:`COMMANDS` for every command.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from aver.core.errors import NotFound
from aver.server.application import Application
from aver.server.cli.main import command as command_line
from aver.server.doors import Doors
from aver.server.http.app import create_app
from tests.isolation.faces import Api, Caller, CommandLine, Console, Door, Reply
from tests.isolation.installation import Installation
from tests.isolation.world import Content

__all__ = ["COMMANDS", "ROUTES", "Look", "Visitor", "every_command", "every_route"]

_numbers = count(1)


@dataclass
class Visitor:
    """Somebody who may read a marked document, at every face."""

    installation: Installation
    caller: Caller
    source: str
    content: Content
    document: str
    folder: Path
    _asked: Reply | None = None
    _inspector: Caller | None = None

    @property
    def mark(self) -> str:
        return self.content.secret("first")

    def face(self, name: str) -> Api | Door | Console | CommandLine:
        return next(each for each in self.installation.faces if each.name == name)  # type: ignore[return-value]

    @property
    def question(self) -> str:
        return f"How many days is the {self.content.subject} allowance?"

    @property
    def turn(self) -> str:
        """One of theirs, that was answered from the document."""
        return self._answer.turn

    @property
    def conversation(self) -> str:
        return self._answer.conversation

    @property
    def _answer(self) -> Reply:
        if self._asked is None:
            self._asked = self.face("HTTP").ask(self.caller, self.question)
        assert self._asked is not None
        return self._asked

    @property
    def inspector(self) -> Caller:
        """Somebody else in the same groups, who may look at what others were answered."""
        if self._inspector is None:
            user = replace(self.caller.user, name="rita")
            scopes = ["inspect", "models"]  # whoever oversees the tenant knows its sources by name
            create = self.installation.application.api_keys.create
            key, secret = create(user.tenant, user.name, user.groups, ["reviewer"], scopes)
            self._inspector = Caller(user, key.tenant, key.id, secret)
        return self._inspector

    def forget(self) -> None:
        """The next turn is to be another one."""
        self._asked = None

    @property
    def version(self) -> int:
        """The newest one that the visitor may read, else the first."""
        try:
            knowledge = self.installation.application.tenant(self.caller.tenant_id).knowledge
            return knowledge.document(self.caller.principal, self.document).version
        except NotFound:
            return 1

    def told(self, reply: Reply | None) -> str:
        assert reply is not None
        return reply.text

    def there(self, reply: Reply) -> str:
        """Of what shows a document without its words: the mark where it does."""
        return self.mark if reply.status in (200, 304) else reply.text


Look = Callable[[Visitor], str]
"""What is seen, in which the mark stands or does not."""


def _at(face: str, path: str) -> Look:
    def look(visitor: Visitor) -> str:
        return visitor.told(visitor.face(face).get(visitor.caller, path.format(v=visitor)))

    return look


_api = partial(_at, "HTTP")
_page = partial(_at, "console")


def _asked(face: str) -> Look:
    def look(visitor: Visitor) -> str:
        return visitor.told(visitor.face(face).ask(visitor.caller, visitor.question))

    return look


def _asked_on(face: str) -> Look:
    """In the conversation in which the document was cited."""

    def look(visitor: Visitor) -> str:
        question = f"And what is the {visitor.content.subject} allowance for?"
        return visitor.told(visitor.face(face).ask(visitor.caller, question, visitor.conversation))

    return look


def _searched(visitor: Visitor) -> str:
    return visitor.told(visitor.face("HTTP").search(visitor.caller, visitor.question))


def _called(tool: str, argument: str) -> Look:
    """By a program that speaks the Model Context Protocol."""

    def look(visitor: Visitor) -> str:
        return visitor.told(visitor.face("HTTP").mcp(visitor.caller, tool, **{argument: visitor.question}))

    return look


def _spots(visitor: Visitor) -> str:
    path = f"/v1/documents/{visitor.document}/versions/{visitor.version}/spots?start=0&end=30"
    return visitor.there(visitor.face("HTTP").get(visitor.caller, path))


def _picture(**headers: str) -> Look:
    def look(visitor: Visitor) -> str:
        path = f"/documents/{visitor.document}/versions/{visitor.version}/pages/1.png"
        sent = {name.replace("_", "-"): value.format(v=visitor) for name, value in headers.items()}
        return visitor.there(visitor.face("console").get(visitor.caller, path, **sent))

    return look


def _opened(visitor: Visitor) -> str:
    """The conversation, with each of its sources and its evidence opened."""
    console = visitor.face("console")
    found = [
        console.conversation(visitor.caller, visitor.conversation),
        console.evidence(visitor.caller, visitor.conversation, visitor.turn),
    ]
    return "\n".join(map(visitor.told, found))


def _run(*words: str) -> Look:
    def look(visitor: Visitor) -> str:
        given = [word.format(v=visitor) for word in words]
        return visitor.told(visitor.face("command line, JSON").run(visitor.caller, *given))

    return look


def _inspected(visitor: Visitor) -> str:
    """By another, who may read the same."""
    path = f"/v1/turns/{visitor.turn}/inspect"
    return visitor.told(visitor.face("HTTP").post(visitor.inspector, path, {"why": "a test"}))


def _inspected_page(visitor: Visitor) -> str:
    return visitor.told(visitor.face("console").send(visitor.inspector, f"/turns/{visitor.turn}", why="a test"))


def _drafted(visitor: Visitor) -> str:
    file = visitor.folder / f"draft{next(_numbers)}.jsonl"
    done = visitor.face("command line, JSON").run(
        visitor.caller, "knowledge", "draft-set", "--count", "5", "--copied", "50", "--out", str(file)
    )
    return file.read_text() + done.text if file.exists() else done.text


def _exported(visitor: Visitor) -> str:
    """What is kept of the visitor, as they are given it."""
    assert visitor.conversation, "something was asked that the document answers"
    file = visitor.folder / f"person{next(_numbers)}.zip"
    done = visitor.face("command line, JSON").run(visitor.caller, "person", "export", "--out", str(file))
    if not file.exists():
        return done.text
    with zipfile.ZipFile(file) as archive:
        return "\n".join(archive.read(each).decode() for each in ("person.json", "person.html"))


_NOTHING = "nothing of any document"
_OPERATORS = "for whoever keeps the installation: what there is, whoever may read it"
_CALLS = "calls that the caller's own turns ask for, and those of others that the caller has to decide"
_HAPPENED = "figures, names that are declared, and what people said of incidents, for whoever oversees the tenant"
_RECORD = "the record of what happened, for whoever keeps the installation"

_SAID = "what people asked and said of answers, and the titles of documents that whoever looks may read"

ROUTES: Mapping[str, tuple[Look, ...] | str] = {
    "POST /v1/ask": (_asked("HTTP"), _asked("HTTP, streaming"), _asked_on("HTTP")),
    "POST /v1/search": (_searched,),
    "POST /mcp": (_called("search", "query"), _called("ask", "question")),
    "GET /v1/documents": (_api("/v1/documents"),),
    "GET /v1/documents/{document}": (
        _api("/v1/documents/{v.document}"),
        _api("/v1/documents/{v.document}?version={v.version}"),
    ),
    "GET /v1/documents/{document}/versions/{version}/spots": (_spots,),
    "GET /v1/documents/{document}/lineage": _OPERATORS,
    "GET /v1/sources": (_api("/v1/sources"),),
    "GET /v1/sources/{name:path}": (_api("/v1/sources/{v.source}"),),
    "GET /v1/conversations": "the caller's own questions",
    "GET /v1/conversations/{conversation}": (_api("/v1/conversations/{v.conversation}"),),
    "GET /v1/turns": "what turns came to, in clear, for whoever oversees the tenant",
    "GET /v1/turns/{turn}": (_api("/v1/turns/{v.turn}"),),
    "POST /v1/turns/{turn}/inspect": (_inspected,),
    "GET /v1/turns/{turn}/evidence": (_api("/v1/turns/{v.turn}/evidence"),),
    "GET /v1/turns/{turn}/lineage": (_api("/v1/turns/{v.turn}/lineage"),),
    "GET /v1/agents": _NOTHING,
    "POST /v1/agents/turns": _CALLS,
    "GET /v1/agents/turns": "the caller's own tasks",
    "GET /v1/agents/turns/{turn}/events": _CALLS,
    "GET /v1/agents/turns/{turn}": _CALLS,
    "POST /v1/agents/turns/{turn}/cancel": _NOTHING,
    "GET /v1/approvals": _CALLS,
    "GET /v1/approvals/{approval}": _CALLS,
    "POST /v1/approvals/{approval}/approve": _NOTHING,
    "POST /v1/approvals/{approval}/refuse": _NOTHING,
    "GET /v1/switches": _NOTHING,
    "GET /v1/drills": _NOTHING,
    "POST /v1/switches": _NOTHING,
    "DELETE /v1/switches/{switch}": _NOTHING,
    "POST /events/{tenant}/{source}": _NOTHING,
    "GET /healthz": _NOTHING,
    "GET /readyz": _NOTHING,
    "GET /openapi.json": _NOTHING,
    "/v1/chat/completions": (_asked("OpenAI"), _asked("OpenAI, streaming"), _asked_on("OpenAI")),
    "/v1/responses": (_asked("Responses"), _asked("Responses, streaming"), _asked_on("Responses")),
    "/v1/messages": (_asked("Anthropic"), _asked("Anthropic, streaming"), _asked_on("Anthropic")),
    "/v1/messages/count_tokens": _NOTHING,
    "/v1/embeddings": _NOTHING,
    "/v1/rerank": _NOTHING,
    "/v1/models": _NOTHING,
    "/v1/feedback": _NOTHING,
    "DELETE /v1/feedback/{call}": _NOTHING,
    **dict.fromkeys(
        ("GET /v1/feedback", "POST /v1/feedback/{turn}/decisions", "GET /feedback", "POST /feedback/{turn}"), _SAID
    ),
    "POST /turns/{turn}/feedback": _NOTHING,
    "/metrics": _OPERATORS,
    "GET /v1/controls": "figures, and places of steps in the chain",
    "GET /v1/anchors": _NOTHING,
    "POST /v1/anchors": _NOTHING,
    "GET /v1/packs": "figures",
    "POST /v1/packs": "figures",
    "GET /v1/packs/{pack}": "sealed steps without their content, for auditors",
    "GET /v1/inventory": "names of what is declared, and of sources, for whoever oversees the tenant",
    "GET /audit": "as the API's controls, anchors, packs and inventory, and acts of those who keep the tenant, for auditors",
    "POST /audit/check": _NOTHING,
    "POST /audit/anchor": _NOTHING,
    "POST /audit/packs": _NOTHING,
    "GET /audit/packs/{pack}": "sealed steps without their content, for auditors",
    "GET /v1/scorecard": "figures, and names of features",
    "GET /overview": "figures, and names of features",
    "GET /survey": _NOTHING,
    "POST /survey": _NOTHING,
    **dict.fromkeys(
        (
            *("GET /v1/releases", "POST /v1/releases/{release}/sign-offs", "GET /v1/environments"),
            *("POST /v1/environments/{name}/promote", "POST /v1/environments/{name}/rollback"),
        ),
        "releases are the installation's, and hold nothing of a tenant's",
    ),
    **dict.fromkeys(
        (
            *("GET /v1/me", "GET /v1/people", "POST /v1/people", "GET /v1/people/changes"),
            *(f"{method} /v1/people/{{person}}" for method in ("GET", "DELETE")),
            *("PUT /v1/people/{person}/roles", "PUT /v1/people/{person}/active"),
            *("GET /v1/keys", "POST /v1/keys", "POST /v1/keys/{key}/rotate", "DELETE /v1/keys/{key}"),
            *(f"{method} /scim/v2/{kind}" for kind in ("Users", "Groups") for method in ("GET", "POST")),
            *(
                f"{method} /scim/v2/{one}"
                for one in ("Users/{user}", "Groups/{group}")
                for method in ("GET", "PUT", "PATCH", "DELETE")
            ),
            *(f"GET /scim/v2/{each}" for each in ("ServiceProviderConfig", "ResourceTypes", "Schemas")),
        ),
        "people, and nothing of any document",
    ),
    "GET /v1/access": "ids of documents, for auditors, and the readers of one",
    "GET /v1/holds": "names of people and ids of documents, for auditors",
    "GET /v1/me/export": "as the command person export, which writes the same",
    "GET /v1/people/{person}/export": "as the command person export, which writes the same",
    **dict.fromkeys(
        (
            *("GET /v1/governance", "PUT /v1/governance", "POST /v1/holds", "POST /v1/holds/{hold}/release"),
            *("POST /v1/retention", "POST /v1/erasures", "GET /v1/sessions", "DELETE /v1/sessions/{session}"),
            *("GET /v1/acceptable-use", "POST /v1/acceptable-use", "GET /v1/acceptable-use/people"),
        ),
        _NOTHING,
    ),
    "GET /": (_page("/"), _opened),
    "POST /": (_asked("console"), _asked_on("console")),
    "GET /documents/{document}": (
        _page("/documents/{v.document}?view=text"),
        _page("/documents/{v.document}?version={v.version}&view=page&page=1"),
        _page("/documents/{v.document}?start=0&end=60"),
    ),
    "GET /documents/{document}/versions/{version}/pages/{page}.png": (
        _picture(),
        _picture(If_None_Match='"{v.document}-{v.version}-1"'),
    ),
    "GET /approvals": _CALLS,
    "POST /approvals/{approval}": _CALLS,
    "GET /turns": "what turns came to, in clear, for whoever oversees the tenant",
    "GET /turns/{turn}": (_page("/turns/{v.turn}"), _page("/turns/{v.turn}?format=json")),
    "POST /turns/{turn}": (_inspected_page,),
    **dict.fromkeys(
        (
            *("GET /incidents", "POST /incidents", "POST /alerts/silence", "POST /mitigations/undo"),
            *("GET /incidents/{incident}", "POST /incidents/{incident}", "GET /incidents/{incident}/postmortem.md"),
            *("POST /incidents/{incident}/runbooks/{runbook}", "POST /incidents/{incident}/undo"),
            *("POST /incidents/{incident}/actions", "POST /incidents/{incident}/actions/{action}"),
            *("GET /v1/objectives", "GET /v1/alerts", "GET /v1/runbooks", "GET /v1/incidents", "POST /v1/incidents"),
            *("GET /v1/silences", "POST /v1/silences", "DELETE /v1/silences/{silence}"),
            *("GET /v1/mitigations", "POST /v1/mitigations", "POST /v1/mitigations/dry-run"),
            *("POST /v1/mitigations/{mitigation}/undo", "GET /v1/incidents/{incident}"),
            *(f"POST /v1/incidents/{{incident}}/{each}" for each in ("notes", "mitigate", "resolve", "actions")),
            *("GET /v1/incidents/{incident}/postmortem", "PUT /v1/incidents/{incident}/actions/{action}"),
            "GET /v1/incidents/{incident}/runbooks/{runbook}",
            "POST /v1/incidents/{incident}/runbooks/{runbook}/steps/{number}",
        ),
        _HAPPENED,
    ),
    "GET /knowledge": (
        _page("/knowledge"),
        _page("/knowledge?source={v.source}"),
        _page("/knowledge?source={v.source}&format=json"),
    ),
    **dict.fromkeys(("GET /evals", "POST /evals/cases/{case}"), _RECORD),
    **dict.fromkeys(
        (
            *("GET /releases", "POST /releases/{release}/sign-off"),
            *(f"POST /environments/{{name}}/{act}" for act in ("promote", "rollback", "rollout")),
        ),
        "releases are the installation's, and hold nothing of a tenant's",
    ),
    **dict.fromkeys(("GET /safety", "GET /gateway"), "figures, in clear, for whoever oversees the tenant"),
    "GET /admin": "people, keys, holds by the ids of documents, and nothing of any document",
    **dict.fromkeys(
        (
            *(
                "POST /admin/people",
                "POST /admin/keys",
                "POST /admin/switches",
                "POST /admin/holds",
                "POST /admin/retention",
            ),
            *(f"POST /admin/people/{{person}}/{each}" for each in ("roles", "active", "erase")),
            *(f"POST /admin/keys/{{key}}/{each}" for each in ("rotate", "revoke")),
            *("POST /admin/sessions/{session}/end", "POST /admin/switches/{switch}/lift"),
            *("POST /admin/holds/{hold}/release", "GET /acceptable-use", "POST /acceptable-use"),
        ),
        _NOTHING,
    ),
    "GET /sign-in": _NOTHING,
    "POST /sign-in": _NOTHING,
    "GET /sign-in/start": _NOTHING,
    "GET /sign-in/callback": _NOTHING,
    "POST /sign-out": _NOTHING,
    "GET /static/{digest}/{name}": _NOTHING,
}

COMMANDS: Mapping[str, tuple[Look, ...] | str] = {
    "ask": (_asked("command line"), _asked("command line, JSON"), _asked_on("command line, JSON")),
    "search": (_run("search", "{v.question}"),),
    "documents list": (_run("documents", "list"),),
    "documents show": (
        _run("documents", "show", "{v.document}"),
        _run("documents", "show", "{v.document}", "--version", "{v.version}"),
    ),
    "documents lineage": _OPERATORS,
    "documents delete": _NOTHING,
    "knowledge draft-set": (_drafted,),
    "eval run": "figures, and the cases that it was given",
    "eval check": "figures, and the cases that it was given",
    "eval scorers": _NOTHING,
    **dict.fromkeys(("eval compare", "eval report", "gate run"), "runs, and the questions that they were given"),
    **dict.fromkeys((f"dataset {each}" for each in ("promote", "queue", "export", "agreement")), _RECORD),
    **dict.fromkeys(
        (f"dataset {each}" for each in ("check", "suspects")), "what its own file says, looked up as whoever asks"
    ),
    "scorecard": "figures, and names of features",
    "judge calibrate": "figures, and the labels that it was given",
    "redteam run": "figures of an installation made for it; pages are copied as one user may read them",
    "redteam promote": _RECORD,
    "turns list": "what turns came to, in clear",
    "turns show": (_run("turns", "show", "{v.turn}"),),
    **dict.fromkeys(("feedback list", "feedback triage"), _RECORD),
    "feedback import": _NOTHING,
    "person export": (_exported,),
    "access log": "ids of documents, and the title and readers of one, for whoever keeps the installation",
    **dict.fromkeys((f"hold {each}" for each in ("place", "release", "list")), _RECORD),
    **dict.fromkeys((f"governance {each}" for each in ("declare", "show", "check")), _NOTHING),
    **dict.fromkeys((f"acceptable-use {each}" for each in ("status", "show")), _NOTHING),
    "retention apply": _NOTHING,
    **dict.fromkeys(("erase", "erase verify"), _NOTHING),
    "drill": "what can be drilled, and what that came to",
    "evidence show": _RECORD,
    "evidence lineage": _RECORD,
    "evidence export": _RECORD,
    "evidence verify": _NOTHING,
    "evidence anchor": _NOTHING,
    "evidence anchors": _NOTHING,
    "evidence prove": _NOTHING,
    "controls list": _NOTHING,
    "controls show": _NOTHING,
    "controls check": "figures, and places of steps in the chain",
    "pack make": "sealed steps without their content",
    "pack verify": _NOTHING,
    "pack verifier": _NOTHING,
    "inventory": "names of what is declared, and of sources, for whoever keeps the installation",
    "witness": _NOTHING,
    **dict.fromkeys(
        (f"sources {each}" for each in ("apply", "list", "show", "follow", "remove", "kinds", "schema")), _OPERATORS
    ),
    "ingest": _OPERATORS,
    **dict.fromkeys((f"agents {each}" for each in ("run", "resume", "show")), _CALLS),
    "agents turns": "the user's own tasks",
    "agents list": _NOTHING,
    "rollout shadow": "the user's own turns, as far as what they rest on may be read, and figures of all",
    **dict.fromkeys(("policy explain", "policy diff"), _RECORD),
    "approvals list": _CALLS,
    "approvals show": _CALLS,
    **dict.fromkeys(
        (
            *(f"tenant {each}" for each in ("create", "list")),
            *(f"keys {each}" for each in ("create", "list", "revoke", "rotate")),
            *(
                f"people {each}"
                for each in (
                    *("list", "groups", "add", "grant", "deactivate", "activate", "remove"),
                    *("break-glass", "changes"),
                )
            ),
            *(f"identity {each}" for each in ("declare", "show", "check")),
            "roles",
            *(f"switch {each}" for each in ("on", "off", "list")),
            *(f"drill {each}" for each in ("list", "run", "history", "tabletop", "soak")),
            *(f"approvals {each}" for each in ("approve", "refuse")),
            "agents cancel",
            "check",
            *(f"policy {each}" for each in ("check", "test")),
            *(f"tools {each}" for each in ("approve", "lint", "list")),
            *(
                f"release {each}"
                for each in (
                    *(
                        "create",
                        "list",
                        "show",
                        "diff",
                        "tag",
                        "untag",
                        "sign-off",
                        "withdraw",
                        "gate",
                        "lacking",
                        "promote",
                    ),
                    *(
                        "rollback",
                        "history",
                        "sign",
                        "verify",
                        "key",
                        "bom",
                        "provenance",
                        "export",
                        "import",
                        "delete",
                    ),
                )
            ),
            *(
                f"index {each}"
                for each in ("status", "verify", "repair", "snapshot", "snapshots", "rollback", "rebuild", "migrate")
            ),
            *(
                f"gateway {each}"
                for each in (
                    *("check", "convert", "prices", "budgets", "spend", "invoice", "cache"),
                    *("replay", "feedback", "train", "selftest"),
                )
            ),
            *(f"gate {each}" for each in ("key", "verify")),
            "judge show",
            *(f"redteam {each}" for each in ("checklist", "playbook", "report", "suites")),
            *(
                f"rollout {each}"
                for each in ("start", "status", "step", "pause", "resume", "abort", "promote", "history", "calibration")
            ),
            *(f"experiment {each}" for each in ("list", "start", "status")),
            *(f"flags {each}" for each in ("list", "evaluate", "kill", "restore")),
            *(f"dataset {each}" for each in ("import", "split", "diff", "coverage", "label", "forget")),
            "init",
            "serve",
            "mcp",
        ),
        _NOTHING,
    ),
    **dict.fromkeys(
        (
            "objectives",
            *(f"alerts {each}" for each in ("list", "look", "silence", "silences", "test", "unsilence")),
            *(f"incident {each}" for each in ("list", "show", "open", "note", "mitigate", "resolve", "postmortem")),
            *(f"incident action {each}" for each in ("list", "accept", "add", "done", "drop")),
            *(f"mitigation {each}" for each in ("actions", "list", "take", "undo")),
            *(f"runbook {each}" for each in ("list", "show", "check", "run")),
        ),
        _HAPPENED,
    ),
}


def every_route(application: Application) -> Iterator[str]:
    """Every address that the server answers, with its methods where it says them."""
    doors = create_app(application)
    assert isinstance(doors, Doors)
    yield from doors.paths
    assert isinstance(doors.rest, FastAPI)
    yield from _within(doors.rest.routes)


def _within(routes: Iterable[Any]) -> Iterator[str]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _within(route.original_router.routes)
        else:
            yield from (f"{method} {route.path}" for method in route.methods if method != "HEAD")


def every_command() -> Iterator[str]:
    def walk(command: object, words: tuple[str, ...]) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None or (words and getattr(command, "invoke_without_command", False)):
            yield " ".join(words)
        for name, each in (inner or {}).items():
            yield from walk(each, (*words, name))

    return walk(command_line(), ())
