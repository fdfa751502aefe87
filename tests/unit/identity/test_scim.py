"""SCIM's filters and patches, as RFC 7644 has them and as clients send them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.identity.scim.filter import BadFilter, parse_filter, parse_path
from aver.identity.scim.patch import BadPatch, patched
from aver.identity.scim.resources import BadResource, read_group, read_user

ANN = {
    "id": "person_1",
    "userName": "Ann",
    "active": True,
    "externalId": "00uX",
    "name": {"familyName": "O'Malley", "givenName": "Ann"},
    "emails": [{"value": "ann@work.example", "type": "work"}, {"value": "a@home.example", "type": "home"}],
    "members": [{"value": "p1"}, {"value": "p2"}],
    "meta": {"lastModified": "2026-05-13T04:42:34.000000Z"},
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('userName eq "ann"', True),
        ('USERNAME Eq "ANN"', True),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ann"', True),
        ('externalId eq "00ux"', False),
        ('externalId eq "00uX"', True),
        ('name.familyName co "O\'Malley"', True),
        ('userName sw "A"', True),
        ('userName ew "N"', True),
        ('userName ne "ann"', False),
        ('title ne "boss"', True),
        ("title pr", False),
        ("emails pr", True),
        ("active eq true", True),
        ("active eq false", False),
        ('active eq "true"', False),
        ("title eq null", True),
        ('meta.lastModified gt "2011-05-13T04:42:34Z"', True),
        ('meta.lastModified le "2011-05-13T04:42:34Z"', False),
        ('emails eq "a@home.example"', True),
        ('emails.type eq "home"', True),
        ('emails[type eq "work" and value co "@work.example"]', True),
        ('emails[type eq "work" and value co "@home.example"]', False),
        ('members[value eq "p2"]', True),
        ('userName eq "bob" or active eq true and not (title pr)', True),
        ('(userName eq "bob" or active eq true) and title pr', False),
        ('not (userName eq "bob")', True),
        ('userName eq "a\\"b"', False),
    ],
)
def test_a_filter_finds_what_it_says(text, matches):
    assert parse_filter(text).matches(ANN) is matches


@pytest.mark.parametrize(
    "text",
    [
        "",
        "userName",
        "userName eq",
        "userName eq ann",
        'userName like "a"',
        'userName eq "a',
        '(userName eq "a"',
        'userName eq "a")',
        'userName eq "a" userName eq "b"',
        "not userName pr",
        'and userName eq "a"',
        'emails[type eq "work"',
        "userName co true",
        "active gt true",
        "(" * 100 + 'userName eq "a"' + ")" * 100,
        'userName eq "' + "a" * 3000 + '"',
        "userName eq 1; drop table people",
        "'; --",
    ],
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(BadFilter):
        parse_filter(text)


@given(st.text(max_size=60))
def test_noise_is_refused_or_read(noise):
    with suppress(BadFilter):
        parse_filter(noise).matches(ANN)
    with suppress(BadFilter):
        parse_path(noise)


def patch(*operations, of=ANN):
    return patched(of, {"Operations": list(operations)})


def test_a_value_is_replaced_by_path_and_without_one():
    for operation in (
        {"op": "replace", "path": "active", "value": False},
        {"op": "Replace", "path": "ACTIVE", "value": False},
        {"op": "replace", "value": {"active": False}},
        {"op": "add", "value": {"active": False}},
    ):
        assert patch(operation)["active"] is False
    assert ANN["active"] is True


def test_entra_writes_paths_as_names_and_booleans_as_texts():
    found = patch(
        {"op": "Add", "value": {"name.givenName": "Anne", 'emails[type eq "work"].value': "anne@work.example"}},
        {"op": "Replace", "path": "active", "value": "False"},
    )
    assert found["name"] == {"familyName": "O'Malley", "givenName": "Anne"}
    assert found["emails"][0] == {"value": "anne@work.example", "type": "work"}
    assert read_user(found).active is False


def test_members_come_and_go():
    come = {"op": "add", "path": "members", "value": [{"value": "p2"}, {"value": "p3"}]}
    assert [each["value"] for each in patch(come)["members"]] == ["p1", "p2", "p3"]
    for go in (
        {"op": "remove", "path": 'members[value eq "p1"]'},
        {"op": "Remove", "path": "members", "value": [{"value": "p1"}]},
    ):
        assert patch(go)["members"] == [{"value": "p2"}]
    assert patch({"op": "remove", "path": "members"})["members"] == []
    assert patch({"op": "replace", "path": "members", "value": []})["members"] == []
    assert patch(come, {"op": "remove", "path": "members"}, come)["members"] == come["value"]


def test_a_member_that_is_not_there_is_made_where_the_path_says_how():
    made = patch({"op": "replace", "path": 'emails[type eq "other"].value', "value": "x@y.example"})["emails"][-1]
    assert made == {"type": "other", "value": "x@y.example"}
    with pytest.raises(BadPatch, match="chooses nothing"):
        patch({"op": "replace", "path": 'emails[type ne "work" and type ne "home"].value', "value": "x"})
    assert patch({"op": "remove", "path": 'emails[type eq "other"]'})["emails"] == ANN["emails"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "move", "path": "active"},
        {"path": "active"},
        {"op": "remove"},
        {"op": "replace", "value": True},
        {"op": "replace", "path": "id", "value": "person_2"},
        {"op": "replace", "path": "groups", "value": []},
        {"op": "replace", "path": "meta.created", "value": "x"},
        {"op": "replace", "path": 7, "value": "x"},
        {"op": "replace", "path": "members.value", "value": "x"},
        {"op": "replace", "path": 'members[value eq "p1"]', "value": "x"},
        {"op": "replace", "path": 'userName[type eq "x"].value', "value": "x"},
        {"op": "replace", "path": "emails[", "value": "x"},
        "replace",
    ],
)
def test_what_is_no_operation_is_refused(operation):
    with pytest.raises(InvalidInput):
        patch(operation)


@pytest.mark.parametrize("body", [{}, {"Operations": []}, {"Operations": {}}, {"Operations": [{}] * 2000}])
def test_a_patch_has_operations(body):
    with pytest.raises(InvalidInput):
        patched(ANN, body)


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"userName": ""},
        {"userName": 7},
        {"userName": "a" * 300},
        {"userName": "a\u202eb"},
        {"userName": "a", "active": "perhaps"},
        {"userName": "a", "active": 1},
        {"userName": "a", "name": "Ann"},
        {"userName": "a", "emails": [7]},
        {"userName": "a", "roles": [{"display": "no value"}]},
    ],
)
def test_what_is_no_user_is_refused(resource):
    with pytest.raises(BadResource):
        read_user(resource)


def test_a_user_is_read_with_what_there_is():
    given = read_user(
        {"USERNAME": "ann", "emails": [{"value": "b@x"}, {"value": "a@x", "primary": True}], "roles": ["r"]}
    )
    assert (given.user, given.active, given.profile.email, given.roles) == ("ann", None, "a@x", ("r",))
    with pytest.raises(BadResource):
        read_group({"members": []})
