"""Releases over HTTP, and a rollback that reaches processes other than the one that makes it."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from aver.core.settings import Settings
from aver.server.releasing import registry
from tests.releases import FREE, open_registry, write_bundle
from tests.servers import open_application, serving

POLLING = """
import sys, time
from pathlib import Path
from aver.core import SystemClock
from aver.releases import Registry
from aver.store import Store
data = Path(sys.argv[1])
registry = Registry(Store(data), SystemClock(), data / "releases")
last = ""
while True:
    now = registry.pins()["production"].digest
    if now != last:
        print(now, flush=True)
        last = now
    time.sleep(0.25)
"""


def test_a_rollback_reaches_every_process(tmp_path):
    releases = open_registry(tmp_path)
    declared = FREE + "release: {environments: {production: {}}}\n"
    first, second = (
        releases.create(write_bundle(tmp_path / "b", declared, n_dot_md=text), by="ann").digest for text in "ab"
    )
    releases.promote("production", first, "ann")
    releases.promote("production", second, "ann")
    command = [sys.executable, "-c", POLLING, str(tmp_path / "data")]
    replicas = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        assert [replica.stdout.readline().strip() for replica in replicas] == [second, second]
        releases.rollback("production", "bob", "it is worse")
        assert [replica.stdout.readline().strip() for replica in replicas] == [first, first]
    finally:
        for replica in replicas:
            replica.kill()
            replica.communicate()


KILLED = """
import os, sys
from pathlib import Path
from aver.core import SystemClock
from aver.releases import Registry
from aver.store import Store
data = Path(sys.argv[1])
def die(event):
    os.kill(os.getpid(), 9)
Registry(Store(data), SystemClock(), data / "releases", die).promote("development", sys.argv[2], "ann")
"""


def test_a_process_that_is_killed_while_it_promotes_leaves_what_was(tmp_path):
    releases = open_registry(tmp_path)
    first, second = (
        releases.create(write_bundle(tmp_path / "b", FREE, n_dot_md=text), by="ann").digest for text in "ab"
    )
    releases.promote("development", first, "ann")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "data"), second], check=False)
    assert killed.returncode == -9
    assert releases.environment("development").digest == first
    assert releases.promote("development", second, "ann").digest == second


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A served installation with two releases, an administrator's key and a user's."""
    folder = tmp_path_factory.mktemp("served")
    application = open_application(Settings(data=folder / "data"))
    tenant = application.store.create_tenant("acme").name
    keys = [application.create_key(tenant, "ann", roles=roles)[1] for roles in (["admin"], [])]
    releases = registry(application)
    for text in "ab":
        release = releases.create(write_bundle(folder / "b", FREE, n_dot_md=text), by="ann")
        releases.promote("development", release.digest, "ann")
    with serving(application) as there, httpx.Client(base_url=there.url, timeout=60) as client:
        yield client, *({"Authorization": f"Bearer {key}"} for key in keys)
    application.close()


def test_an_administrator_sees_and_takes_back(served):
    client, admin, _ = served
    found = client.get("/v1/releases", headers=admin).json()["releases"]
    second, first = (each["digest"] for each in found)
    assert found[0]["environments"] == ["development"]
    assert client.get("/v1/environments", headers=admin).json()["environments"][0]["previous"] == first
    wanted = {"reason": "it is rude"}
    back = client.post("/v1/environments/development/rollback", headers=admin, json=wanted)
    assert (back.status_code, back.json()["digest"]) == (200, first)
    again = client.post("/v1/environments/development/rollback", headers=admin, json=wanted)
    assert (again.status_code, again.json()["type"]) == (404, "urn:aver:problem:not-found")
    forward = client.post("/v1/environments/development/rollback", headers=admin, json={**wanted, "to": second})
    assert forward.json()["digest"] == second


@pytest.mark.parametrize(
    ("path", "wanted", "status"),
    [
        ("development", {}, 422),
        ("development", {"reason": " "}, 422),
        ("development", {"reason": "x", "to": "nowhere"}, 404),
        ("Nowhere%00", {"reason": "x"}, 422),
        ("nowhere", {"reason": "x"}, 404),
    ],
)
def test_what_cannot_be_taken_back_is_said(served, path, wanted, status):
    client, admin, _ = served
    assert client.post(f"/v1/environments/{path}/rollback", headers=admin, json=wanted).status_code == status


def test_nobody_else_may(served):
    client, _, user = served
    for send in (
        lambda: client.get("/v1/releases", headers=user),
        lambda: client.get("/v1/environments", headers=user),
        lambda: client.post("/v1/environments/development/rollback", headers=user, json={"reason": "x"}),
        lambda: client.post("/v1/environments/development/promote", headers=user, json={"release": "v1"}),
    ):
        assert send().status_code == 403
    assert client.get("/v1/releases").status_code == 401


STAGED = """\
feature: {model: extractive}
release: {environments: {production: {sign_offs: [security], override: [release-manager]}}}
"""


def test_a_release_is_promoted_once_somebody_in_the_role_has_signed_it_off(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "aver.yaml").write_text(STAGED)
    application = open_application(Settings(data=tmp_path / "data", bundle=tmp_path / "b"))
    application.store.create_tenant("acme")
    digest = registry(application).create(tmp_path / "b", by="ann").digest
    registry(application).promote("production", digest, "ann", "to begin with", roles=["release-manager"], force=True)
    (tmp_path / "b" / "note.md").write_text("another")
    digest = registry(application).create(tmp_path / "b", by="ann").digest
    roles = {"ann": ["admin"], "sec": ["security"]}
    keys = {user: application.create_key("acme", user, roles=given)[1] for user, given in roles.items()}
    with serving(application) as there, httpx.Client(base_url=there.url, timeout=60) as client:

        def send(user, path, body):
            return client.post(path, headers={"Authorization": f"Bearer {keys[user]}"}, json=body)

        wanted = {"release": digest, "reason": "it is ready"}
        refused = send("ann", "/v1/environments/production/promote", wanted)
        assert (refused.status_code, "nobody has signed it off as security" in refused.json()["detail"]) == (409, True)
        assert send("ann", "/v1/environments/production/promote", {**wanted, "force": True}).status_code == 403
        assert send("ann", f"/v1/releases/{digest}/sign-offs", {"role": "security"}).status_code == 403
        assert send("sec", f"/v1/releases/{digest}/sign-offs", {"role": "security"}).json()["by"] == "sec"
        assert send("sec", "/v1/releases/0000000/sign-offs", {"role": "security"}).status_code == 404
        assert send("ann", "/v1/environments/production/promote", wanted).json()["digest"] == digest
    application.close()
