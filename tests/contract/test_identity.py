"""The people of a tenant on either engine: every change is evidence, holds at once, and leaves somebody who owns the tenant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aver.core.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from aver.evidence import Ledger
from aver.identity import Declaration, Directory, LastOwner, Sessions
from aver.identity.api_keys import ApiKeys
from aver.identity.scim import Query, Scim
from aver.store import Store
from aver.testing import FixedClock


class House:
    """A store with two tenants, and what keeps their people, on a clock that stands still."""

    def __init__(self, data, database_url):
        self.clock = FixedClock()
        self.data, self.url = data, database_url
        self.store = Store(data, database_url, self.clock)
        self.acme, self.other = (self.store.create_tenant(name).id for name in ("acme", "other"))
        self.told = 0
        self.directory = Directory(self.store, self.clock, self.records, self.tell)
        self.keys = ApiKeys(self.store, self.clock, self.records, self.tell)
        self.sessions = Sessions(self.store, self.clock)
        self.scim = Scim(self.directory, self.acme, "https://aver.example/scim/v2", "idp")

    def records(self, tenant):
        store = self.store.tenant(tenant)
        return store, Ledger(store, self.clock)

    def tell(self):
        self.told += 1

    def change(self, **options):
        return self.directory.change(self.acme, "kay", **options)

    def add(self, user, *roles, groups=(), **more):
        with self.change() as change:
            person = change.claim(change.add(user, **more), groups, ())
            return change.grant(person, roles)

    def steps(self, kind="person_changed", tenant=None):
        return [
            (s.facts.get("event"), (s.body or {}).get("user")) for s in self.records(tenant or "acme")[1].of_kind(kind)
        ]


@pytest.fixture
def house(tmp_path, database_url):
    opened = House(tmp_path / "data", database_url)
    yield opened
    opened.store.close()


def test_somebody_is_added_found_and_on_record(house):
    ann = house.add("ann", "operator", groups=["staff"])
    assert (ann.roles, ann.groups, ann.active) == ({"operator"}, {"staff"}, True)
    assert house.directory.person(house.acme, "ANN") == house.directory.person(house.acme, ann.id) == ann
    assert house.steps() == [("added", "ann"), ("claimed", "ann"), ("granted", "ann")]
    assert house.steps(tenant="other") == []
    assert house.told == 1
    with pytest.raises(NotFound):
        house.directory.person(house.other, "ann")
    with pytest.raises(Conflict):
        house.add("Ann")
    with pytest.raises(InvalidInput, match="looks like the id"):
        house.add("person_ann")


def test_a_change_that_fails_leaves_nothing_and_says_nothing(house):
    with pytest.raises(InvalidInput), house.change() as change:
        change.grant(change.add("ann"), ["chief"])
    assert house.directory.people(house.acme) == []
    assert house.steps() == []
    assert house.told == 0


def test_nothing_is_given_that_nothing_records(house, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Ledger, "append_all", full)
    with pytest.raises(OSError, match="disk full"):
        house.add("ann", "admin")
    assert house.directory.people(house.acme) == []


def test_what_does_not_change_is_no_change(house):
    ann = house.add("ann", "admin")
    before = house.steps()
    with house.change() as change:
        change.save(ann)
        change.grant(ann, ["admin"])
        change.claim(ann, (), ())
    assert house.steps() == before


def test_the_last_owner_stays(house):
    ann, bob = house.add("ann", "owner"), house.add("bob", "admin")
    for take in (
        lambda change: change.grant(ann, ["admin"]),
        lambda change: change.save(replace(ann, active=False)),
        lambda change: change.remove(ann),
    ):
        with pytest.raises(LastOwner), house.change() as change:
            take(change)
    assert house.directory.person(house.acme, "ann").roles == {"owner"}
    assert house.steps() == [("added", "ann"), ("granted", "ann"), ("added", "bob"), ("granted", "bob")]
    with house.change() as change:
        change.grant(bob, ["owner"])
        change.save(replace(ann, active=False))
    with pytest.raises(LastOwner), house.change() as change:
        change.remove(change.get("bob"))


def test_a_service_account_is_no_owner_that_counts(house):
    ann = house.add("ann", "owner")
    house.add("robot", "owner", kind="service")
    with pytest.raises(LastOwner), house.change() as change:
        change.remove(ann)


def test_an_owner_by_group_counts_until_the_group_means_it_no_more(house):
    with house.change() as change:
        change.declare(Declaration(roles={"Owners": ("owner",), "desk": ("operator",)}))
    group = house.scim.add_group({"displayName": "owners"})
    ann = house.scim.add_user({"userName": "ann"})
    member = {"op": "add", "path": "members", "value": [{"value": ann["id"]}]}
    house.scim.patch_group(group["id"], {"Operations": [member]})
    assert house.directory.person(house.acme, "ann").roles == {"owner"}
    for take in (
        lambda: house.scim.patch_group(group["id"], {"Operations": [{"op": "remove", "path": "members"}]}),
        lambda: house.scim.remove_group(group["id"]),
        lambda: house.scim.replace_group(group["id"], {"displayName": "nobody", "members": [{"value": ann["id"]}]}),
        lambda: house.scim.patch_user(ann["id"], {"Operations": [{"op": "replace", "path": "active", "value": False}]}),
        lambda: house.scim.remove_user(ann["id"]),
    ):
        with pytest.raises(LastOwner):
            take()
    with pytest.raises(LastOwner), house.change() as change:
        change.declare(Declaration())
    assert house.directory.person(house.acme, "ann").roles == {"owner"}


def test_roles_by_group_are_those_of_today(house):
    house.add("ann", groups=["Board", "staff"])
    with house.change() as change:
        change.declare(Declaration(roles={"board": ("auditor", "reviewer")}))
    assert house.directory.person(house.acme, "ann").roles == {"auditor", "reviewer"}
    with house.change() as change:
        change.declare(Declaration())
    assert house.directory.person(house.acme, "ann").roles == frozenset()


def test_a_key_gives_no_more_than_its_person_has_today(house):
    _, old = house.keys.create("acme", "ann", ["board"], ["admin"])
    ann = house.add("ann", "operator", groups=["staff", "board"])
    _, whole = house.keys.create("acme", "Ann")
    assert house.store.authenticate(old).principal.groups == {"board"}
    assert house.store.authenticate(old).principal.roles == frozenset()
    principal = house.store.authenticate(whole).principal
    assert (principal.user, principal.groups, principal.roles) == ("ann", {"staff", "board"}, {"operator"})
    with house.change() as change:
        change.claim(ann, ["staff"], ())
    assert house.store.authenticate(old).principal.groups == frozenset()
    assert house.store.authenticate(whole).principal.groups == {"staff"}


@pytest.mark.parametrize("ending", ["deactivated", "removed", "renamed"])
def test_who_may_not_act_any_more_opens_nothing(house, ending):
    _, secret = house.keys.create("acme", "ANN")
    ann = house.add("ann", "admin")
    by_key, _ = house.sessions.begin(key=secret)
    by_name, _ = house.sessions.begin(tenant=house.acme, person=ann.id)
    assert house.sessions.principal(by_key) == house.sessions.principal(by_name)
    with house.change() as change:
        if ending == "removed":
            change.remove(ann)
        else:
            change.save(replace(ann, active=False) if ending == "deactivated" else replace(ann, user="anna"))
    with pytest.raises(Unauthenticated):
        house.store.authenticate(secret)
    assert house.sessions.principal(by_key) is None
    assert house.sessions.principal(by_name) is None
    if ending == "deactivated":
        with house.change() as change:
            change.save(replace(ann, active=True))
        assert house.store.authenticate(secret).user == "ann"


def test_another_process_sees_it_at_once(house):
    beside = Store(house.data, house.url, house.clock)
    _, secret = house.keys.create("acme", "ann")
    ann = house.add("ann", "admin")
    cookie, _ = house.sessions.begin(key=secret)
    assert Sessions(beside, house.clock).principal(cookie).roles == {"admin"}
    with house.change() as change:
        ann = change.grant(ann, ["member"])
    assert beside.authenticate(secret).principal.roles == {"member"}
    with house.change() as change:
        change.save(replace(ann, active=False))
    assert Sessions(beside, house.clock).principal(cookie) is None
    beside.close()


def test_a_key_ends_and_has_scopes(house):
    key, secret = house.keys.create("acme", "ann", roles=["admin"], scopes=["models"], lifetime=timedelta(days=1))
    assert house.store.authenticate(secret).principal.scopes == {"models"}
    assert house.store.keys("acme") == [key]
    house.clock.advance(86_399)
    assert house.store.authenticate(secret)
    house.clock.advance(1)
    with pytest.raises(Unauthenticated):
        house.store.authenticate(secret)
    for wrong in ({"scopes": ["everything"]}, {"lifetime": timedelta(0)}, {"roles": ["chief"]}):
        with pytest.raises(InvalidInput):
            house.keys.create("acme", "ann", **wrong)


def test_a_key_is_rotated(house):
    old, first = house.keys.create("acme", "ann", ["staff"], ["admin"], ["read"], timedelta(days=30))
    house.clock.advance(86_400)
    new, second = house.keys.rotate("acme", old.id, timedelta(hours=1), "kay")
    assert house.store.authenticate(second).principal == house.store.authenticate(first).principal
    assert new.expires - new.created == timedelta(days=30)
    house.clock.advance(3600)
    with pytest.raises(Unauthenticated):
        house.store.authenticate(first)
    _, third = house.keys.rotate("acme", new.id)
    with pytest.raises(Unauthenticated):
        house.store.authenticate(second)
    assert house.store.authenticate(third)
    with pytest.raises(NotFound):
        house.keys.rotate("other", new.id)
    with pytest.raises(InvalidInput):
        house.keys.rotate("acme", old.id)
    kinds = [s.facts["key"] for s in house.records("acme")[1].of_kind("key_revoked")]
    assert kinds == [old.id, new.id]


def test_broken_glass_is_loud_and_ends(house, caplog):
    house.add("break-glass", "member")
    key, secret = house.keys.break_glass("acme", "the identity provider is down", timedelta(minutes=30), "root")
    assert house.store.authenticate(secret).principal.roles == {"owner", "admin"}
    (step,) = house.records("acme")[1].of_kind("glass_broken")
    assert (step.body["reason"], step.body["by"]) == ("the identity provider is down", "root")
    assert [record.levelname for record in caplog.records if record.name == "aver.identity"] == ["CRITICAL"]
    assert house.keys.broken("acme") == [key]
    house.clock.advance(1800)
    assert house.keys.broken("acme") == []
    with pytest.raises(Unauthenticated):
        house.store.authenticate(secret)
    for reason, minutes in (("", 5), (" ", 5), ("why", 241), ("why", 0), ("a\nb", 5)):
        with pytest.raises(InvalidInput):
            house.keys.break_glass("acme", reason, timedelta(minutes=minutes), "root")
    with pytest.raises(InvalidInput, match="not prolonged"):
        house.keys.rotate("acme", key.id)


def test_scim_finds_sorts_and_pages(house):
    for number in range(7):
        house.scim.add_user(
            {"userName": f"user-{number}", "externalId": f"x{number}", "emails": [f"u{number}@x.example"]}
        )
    house.add("robot", kind="service")
    found = house.scim.users(Query(start=3, count=2))
    assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (7, 3, 2)
    assert [each["userName"] for each in found["Resources"]] == ["user-2", "user-3"]
    assert house.scim.users(Query(count=0))["Resources"] == []
    assert house.scim.users(Query(start=-4, count=-1))["startIndex"] == 1
    assert house.scim.users(Query(start=10**30))["Resources"] == []
    for text in ('userName eq "USER-5"', 'externalId eq "x5"', 'emails.value eq "u5@x.example"', 'userName ew "-5"'):
        (only,) = house.scim.users(Query(text))["Resources"]
        assert only["userName"] == "user-5"
    assert house.scim.users(Query('userName eq "robot"'))["totalResults"] == 0
    backwards = house.scim.users(Query(sort="userName", descending=True, count=1, attributes=frozenset({"userName"})))
    assert backwards["Resources"][0].keys() == {"schemas", "id", "userName", "meta"}
    assert backwards["Resources"][0]["userName"] == "user-6"


def test_scim_alone_says_what_the_provisioned_are_in(house):
    """A token that still claims a group gives nothing to somebody whom SCIM has taken out of it."""
    house.add("ann", groups=["board"])
    ann = house.scim.add_user({"userName": "Ann", "active": True, "name": {"givenName": "Ann", "familyName": "Ox"}})
    assert ann["displayName"] == "Ann Ox"
    assert house.directory.person(house.acme, "ann").groups == frozenset()
    group = house.scim.add_group({"displayName": "board", "members": [{"value": ann["id"]}]})
    assert house.directory.person(house.acme, "ann").groups == {"board"}
    assert [each["display"] for each in house.scim.user(ann["id"])["groups"]] == ["board"]
    assert house.scim.group(group["id"])["members"][0]["display"] == "Ann"
    house.scim.replace_group(group["id"], {"displayName": "board", "members": []})
    assert house.directory.person(house.acme, "ann").groups == frozenset()
    assert [name for name, _ in house.steps("group_changed")] == ["added", "changed", "changed"]


def test_scim_refuses_what_does_not_add_up(house):
    ann = house.scim.add_user({"userName": "ann"})
    bob = house.scim.add_user({"userName": "bob"})
    with pytest.raises(Conflict):
        house.scim.add_user({"userName": "ANN"})
    with pytest.raises(Conflict):
        house.scim.replace_user(bob["id"], {"userName": "ann"})
    elsewhere = Scim(house.directory, house.other, "https://aver.example/scim/v2", "idp")
    stranger = elsewhere.add_user({"userName": "ann"})
    for odd in ("\0", "\ud800", "a\nb", ""):
        with pytest.raises(NotFound):
            house.scim.user(odd)
        with pytest.raises(NotFound):
            house.scim.group(odd)
        with pytest.raises(NotFound):
            house.keys.rotate("acme", odd)
        assert house.directory.find(house.acme, odd) is None
    assert house.scim.users(Query('externalId eq "\\u0000"'))["totalResults"] == 0
    assert house.scim.groups(Query('displayName eq "\\u0000"'))["totalResults"] == 0
    for act in (
        lambda: house.scim.user(stranger["id"]),
        lambda: house.scim.remove_user(stranger["id"]),
        lambda: house.scim.patch_user(
            stranger["id"], {"Operations": [{"op": "add", "path": "active", "value": False}]}
        ),
        lambda: house.scim.add_group({"displayName": "g", "members": [{"value": stranger["id"]}]}),
    ):
        with pytest.raises(NotFound):
            act()
    assert house.scim.groups(Query())["totalResults"] == 0
    assert elsewhere.user(stranger["id"])["active"] is True
    old = ann["meta"]["version"]
    changed = house.scim.replace_user(ann["id"], {"userName": "ann", "displayName": "Ann"}, old)
    assert changed["meta"]["version"] != old
    with pytest.raises(Exception, match="has changed"):
        house.scim.replace_user(ann["id"], {"userName": "ann"}, old)


def test_a_deactivated_person_stays_so_where_a_client_does_not_say(house):
    ann = house.scim.add_user({"userName": "ann", "active": False})
    assert house.scim.replace_user(ann["id"], {"userName": "ann", "displayName": "Ann"})["active"] is False
    assert house.scim.replace_user(ann["id"], {"userName": "ann", "active": True})["active"] is True


def test_a_thousand_members_fit(house):
    with house.change() as change:
        people = [change.add(f"user-{number}", provisioned=True).id for number in range(1100)]
    group = house.scim.add_group({"displayName": "everybody", "members": [{"value": each} for each in people]})
    assert len(group["members"]) == 1100
    assert house.scim.users(Query(count=1, filter='groups.display eq "everybody"'))["totalResults"] == 1100
    house.scim.replace_group(group["id"], {"displayName": "everybody", "members": [{"value": people[0]}]})
    assert len(house.directory.group(house.acme, group["id"]).members) == 1


def test_the_chain_holds_whatever_was_changed(house):
    ann = house.add("ann", "owner")
    house.keys.rotate("acme", house.keys.create("acme", "ann")[0].id)
    with house.change() as change:
        change.declare(Declaration(roles={"board": ("auditor",)}))
        change.signed_in(ann)
    found = house.records("acme")[1].verify()
    assert found.ok
    assert found.checkpoints > 0


def test_somebody_under_way_is_who_they_are_today(house):
    ann = house.add("ann", "admin", groups=["board", "staff"])
    then = ann.principal
    narrow = replace(then, groups=frozenset({"board"}), roles=frozenset())
    with house.change() as change:
        ann = change.grant(change.claim(ann, ["staff"], ()), ["member"])
    assert house.directory.today(then) == replace(then, groups=frozenset({"staff"}), roles=frozenset())
    assert house.directory.today(narrow).groups == frozenset()
    stranger = replace(then, user="nobody")
    assert house.directory.today(stranger) == stranger
    with house.change() as change:
        change.save(replace(ann, active=False))
    with pytest.raises(NotFound):
        house.directory.today(then)
