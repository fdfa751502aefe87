"""Whom the accounts of another system are here."""

from aver.knowledge.sources.people import People


def test_an_account_is_its_address_unless_the_declaration_says_otherwise():
    people = People(users={"5b10": "cas", "ben@example.org": "benjamin"})
    assert people.user("Ann@Example.org", "1") == "user:ann@example.org"
    assert people.user("ben@example.org", "2") == "user:benjamin"
    assert people.user(None, "5B10") == "user:cas"
    assert people.user(None, "3") is None


def test_a_group_is_of_its_system_unless_the_declaration_says_otherwise():
    people = People(groups={"staff": "crew", "id-7": "board", "all": "everyone"})
    assert people.group("wiki", "Sales", "id-1") == "group:wiki/Sales"
    assert people.group("wiki", "Staff") == "group:crew"
    assert people.group("wiki", "Any", "ID-7") == "group:board"
    assert people.group("wiki", "All") == "everyone"
    assert people.group("wiki", "", "id-2") == "group:wiki/id-2"
    assert people.group("everyone", "", "") is None
    assert People().group("wiki", "everyone") == "group:wiki/everyone"
