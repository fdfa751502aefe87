"""The Admin page in a real browser: who may what, keys shown once, holds, switches, and what a visitor may not see or do."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.core.settings import Settings
from aver.governance.declaration import Declaration
from aver.server.console.admin import PARTS
from tests.browser import browsing
from tests.servers import fill, open_application, serving

WAIT = 15_000
HOSTILE = "<img src=x onerror=alert(1)>"
RULES = """
retention: {conversations: 400d, feedback: 30d, versions: 90d}
label: {level: internal, regions: [eu]}
classification: [{match: "salaries*", level: restricted}]
acceptable_use: {text: "Ask nothing about people that you would not ask in the open.\\n\\nAnswers are verified; check what matters."}
"""


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("admin")
    application = open_application(Settings(data=folder / "data", region="eu"))
    tenant = fill(application, folder)
    with application.directory.change(tenant, "test") as change:
        for user, roles in (("olga", ["owner"]), ("adam", ["admin"]), ("oscar", ["operator"]), ("audra", ["auditor"])):
            change.grant(change.add(user), roles)
        change.claim(change.add("mia"), ["board", "staff"], ())
        change.add("nightly", kind="service")
        change.add(HOSTILE)
    services = application.tenant(tenant)
    services.governance.declare(Declaration.parse(RULES, "governance.yaml"), "test")
    services.governance.holds.place("Claim 7", "a letter of 3 May", users=["mia"], documents=(), by="olga")
    application.store.throw_switch("tool", "mail", tenant, reason="it wrote to strangers")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture
def visit(browser, server):
    with contextlib.ExitStack() as opened:

        def begin(user, address="/admin", **options):
            context = browser.new_context(base_url=server.url, **options)
            opened.callback(context.close)
            secret = server.application.create_key("northwind", user)[1]
            context.request.post(
                f"{server.url}/sign-in", form={"key": secret}, headers={"Sec-Fetch-Site": "same-origin"}
            )
            page = context.new_page()
            page.set_default_timeout(WAIT)
            page.goto(address)
            return page

        yield begin


def axe(page):
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in Axe().run(page).response["violations"]]


def confirm(page, row, words, button):
    """Open what is said twice, and say it."""
    scope = page.locator("tr", has_text=row) if row else page.locator("main")
    scope.locator("summary", has_text=words).first.click()
    return scope.get_by_role("button", name=button)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_part_has_its_figures_and_nothing_that_axe_finds(visit, server, scheme, tmp_path):
    page = visit("olga", color_scheme=scheme)
    for part in PARTS:
        page.goto(f"/admin?part={part.name}")
        assert page.locator("nav.choices a[aria-current]").inner_text() == part.words
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert axe(page) == [], part.name
        assert len(page.content()) < 150_000
        told = page.request.get(f"/admin?part={part.name}&format=json").json()
        assert told["part"] == part.name
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_phone_shows_every_part_without_scrolling_sideways(visit):
    page = visit("olga", viewport={"width": 360, "height": 800})
    for part in PARTS:
        page.goto(f"/admin?part={part.name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, part.name


def test_roles_are_granted_and_access_is_taken(visit, server):
    page = visit("adam")
    tenant = server.application.tenant("northwind").store.tenant.id
    button = confirm(page, "mia", "Roles", "Give these")
    page.locator("tr", has_text="mia").get_by_label("builder").check()
    button.click()
    page.get_by_role("status").get_by_text("The roles are as you chose").wait_for()
    assert server.application.directory.person(tenant, "mia").granted == {"builder"}
    confirm(page, "mia", "Deactivate", "Deactivate").click()
    page.get_by_role("status").get_by_text("Nothing of theirs").wait_for()
    assert not server.application.directory.person(tenant, "mia").active
    confirm(page, "mia", "Activate", "Activate").click()
    page.get_by_role("status").get_by_text("They may act").wait_for()
    assert page.locator("tr", has_text="olga").get_by_text("changed by owners").is_visible()


def test_somebody_is_added_and_a_mistake_changes_nothing(visit, server):
    page = visit("adam")
    form = page.locator("form[action='/admin/people']")
    form.get_by_label("User name").fill("newcomer")
    form.get_by_role("button", name="Add").click()
    page.get_by_role("status").get_by_text("They are in").wait_for()
    form.get_by_label("User name").fill("newcomer")
    form.get_by_role("button", name="Add").click()
    page.get_by_role("alert").get_by_text("There is a user").wait_for()
    form.get_by_label("User name").fill("another")
    form.locator("select[name=role]").select_option("owner")
    form.get_by_role("button", name="Add").click()
    page.get_by_role("alert").get_by_text("owner").wait_for()


def test_a_key_is_shown_once_rotated_and_revoked(visit, server):
    page = visit("adam", "/admin?part=keys")
    form = page.locator("form[action='/admin/keys']")
    form.locator("select[name=user]").select_option("nightly")
    form.get_by_label("models").check()
    form.get_by_role("button", name="Make").click()
    secret = page.locator(".given code").inner_text()
    assert server.application.store.authenticate(secret).scopes == {"models"}
    page.goto("/admin?part=keys")
    assert secret not in page.content()
    confirm(page, "nightly", "Rotate", "Rotate").click()
    newer = page.locator(".given code").inner_text()
    assert server.application.store.authenticate(newer).user == "nightly"
    page.goto("/admin?part=keys")
    confirm(page, server.application.store.authenticate(newer).id, "Revoke", "Revoke").click()
    page.get_by_role("status").get_by_text("The key opens nothing").wait_for()
    assert newer not in [each.id for each in server.application.store.keys("northwind")]


def test_something_is_stopped_and_let_go_on(visit, server):
    page = visit("oscar", "/admin?part=switches")
    button = confirm(page, "", "Stop something", "Stop it")
    form = page.locator("form[action='/admin/switches']")
    form.locator("select[name=kind]").select_option("model")
    form.get_by_label("Its name").fill("gpt")
    form.get_by_label("Why").fill("it invents laws")
    button.click()
    page.get_by_role("status").get_by_text("It is stopped").wait_for()
    confirm(page, "it invents laws", "Let go on", "Let it go on").click()
    page.get_by_role("status").get_by_text("It goes on").wait_for()
    assert [each.name for each in server.application.store.switches()] == ["mail"]


def test_a_hold_stops_an_erasure_until_it_is_released(visit, server):
    page = visit("olga", "/admin?part=retention")
    button = confirm(page, "", "Place a hold", "Place it")
    form = page.locator("form[action='/admin/holds']")
    form.get_by_label("Matter").fill("Claim 8")
    form.get_by_label("Why").fill("as counsel says")
    form.get_by_label("Users").fill("nightly\nmia")
    button.click()
    page.get_by_role("status").get_by_text("The hold is placed").wait_for()
    page.goto("/admin?" + urlencode({"part": "people", "find": "nightly"}))
    confirm(page, "nightly", "Erase", "Erase for good").click()
    page.get_by_role("alert").get_by_text("legal hold").wait_for()
    page.goto("/admin?part=retention")
    page.locator("tr", has_text="Claim 8").locator("summary").click()
    page.locator("tr", has_text="Claim 8").get_by_label("Why").fill("settled")
    page.locator("tr", has_text="Claim 8").get_by_role("button", name="Release").click()
    page.get_by_role("status").get_by_text("The hold is released").wait_for()


def test_an_erasure_shows_its_receipt(visit, server):
    tenant = server.application.tenant("northwind").store.tenant.id
    with server.application.directory.change(tenant, "test") as change:
        change.add("leaver")
    page = visit("olga", "/admin?find=leaver")
    confirm(page, "leaver", "Erase", "Erase for good").click()
    receipt = json.loads(page.locator(".given pre").inner_text())
    assert receipt["payloadType"] == "application/vnd.aver.erasure+json"
    assert server.application.directory.find(tenant, "leaver") is None


def test_who_may_see_and_do_what(visit, server):
    audra = visit("audra")
    parts = audra.locator("nav.choices a").all_inner_texts()
    assert "API keys" not in parts
    assert "Retention and holds" in parts
    assert audra.locator("main form[method=post]").count() == 0
    audra.goto("/admin?part=retention")
    assert audra.get_by_text("Claim 7").is_visible()
    audra.goto("/admin?part=keys")
    assert audra.get_by_text("not yours").is_visible()
    nobody = visit("somebody")
    assert nobody.get_by_text("This takes the role").is_visible()
    forged = {"form": {"kind": "tenant", "reason": "why not"}, "max_redirects": 0}
    assert nobody.request.post(f"{server.url}/admin/switches", **forged).status == 303, "no page of ours: signed out"
    ours = {"Sec-Fetch-Site": "same-origin"}
    assert nobody.request.post(f"{server.url}/admin/switches", **forged, headers=ours).status == 403
    assert len(server.application.store.switches()) == 1


def test_markup_in_names_does_nothing(visit):
    page = visit("olga")
    page.on("dialog", lambda _: pytest.fail("a script ran"))
    assert page.locator("bdi", has_text="<img").first.is_visible()
    assert page.locator("main img").count() == 0


def test_people_agree_before_they_ask(visit, server):
    page = visit("mia", "/")
    page.wait_for_url("**/acceptable-use")
    assert page.get_by_text("asks you to agree").is_visible()
    assert axe(page) == []
    asked = page.request.post(
        f"{server.url}/v1/ask", data={"question": "leave?"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert asked.json()["type"] == "urn:aver:problem:acknowledgement-required"
    page.get_by_role("button", name="I agree").click()
    page.locator("textarea[name=question]").wait_for()
    page.goto("/acceptable-use")
    assert page.get_by_text("You agreed to these on").is_visible()
    keeper = visit("olga", "/admin?part=use&find=mia")
    assert keeper.locator("tr", has_text="mia").get_by_text("not yet").count() == 0
