"""The demo's staff directory and outbox as an HTTP API: ``python demo/tools/directory.py FILE --port PORT`` prints its address and serves.

Who asks shows the token in the environment variable ``DIRECTORY_TOKEN``. ``--document`` prints the OpenAPI document, which is kept as
``directory.yaml``.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import uvicorn
import yaml
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from office import Office
from pydantic import BaseModel, Field

__all__ = ["application", "document"]

BEARER = HTTPBearer(auto_error=False)
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", description="An e-mail address.")]


class Person(BaseModel):
    name: str
    role: str
    email: str


class Draft(BaseModel):
    """A message that is to be sent."""

    to: list[Address] = Field(min_length=1, max_length=20)
    subject: str = Field(max_length=200)
    body: str = Field(max_length=10_000)


class Message(Draft):
    message: int


class People(BaseModel):
    people: list[Person]


class Messages(BaseModel):
    messages: list[Message]


def application(office: Office, token: str) -> FastAPI:
    """The API over this office, for whoever shows ``token``."""

    def admitted(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
        if shown is None or not secrets.compare_digest(shown.credentials.encode(), token.encode()):
            raise HTTPException(401, "Show the directory's token.")

    found = FastAPI(
        title="Northwind Press staff directory",
        description="Of a press that does not exist. Messages stay in an outbox; none reaches a mail server.",
        version="1",
        dependencies=[Depends(admitted)],
        docs_url=None,
        redoc_url=None,
    )

    @found.get("/people", operation_id="listPeople", summary="Staff in whose name or role all the words occur.")
    def list_people(words: Annotated[str, Query(max_length=200)] = "") -> People:
        return People(people=[Person(**each) for each in office.people(words)])

    @found.get("/messages", operation_id="listMessages", summary="All messages that were sent, oldest first.")
    def list_messages() -> Messages:
        return Messages(messages=[Message(**each) for each in office.messages()])

    @found.post("/messages", operation_id="sendMessage", summary="Send an e-mail.", status_code=201)
    def send_message(
        draft: Draft,
        idempotency_key: Annotated[str | None, Header(max_length=200, description="One key sends one message.")] = None,
    ) -> Message:
        return Message(**office.send(draft.to, draft.subject, draft.body, idempotency_key))

    return found


def document() -> str:
    """The OpenAPI document, in YAML."""
    with TemporaryDirectory() as folder:
        said: dict[str, Any] = application(Office(Path(folder) / "office.db"), "").openapi()
    return yaml.safe_dump(said, sort_keys=False, width=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--port", type=int, default=0, help="any free one, if left out")
    parser.add_argument("--document", action="store_true", help="print the OpenAPI document and exit")
    arguments = parser.parse_args()
    if arguments.document:
        print(document(), end="")
        return
    token = os.environ.get("DIRECTORY_TOKEN", "")
    if arguments.file is None or not token:
        parser.error("name the office's file, and set DIRECTORY_TOKEN")
    with socket.create_server(("127.0.0.1", arguments.port)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(application(Office(arguments.file), token), log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
