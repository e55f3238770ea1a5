"""Which person of the catalog somebody is, and for whom they may act."""

from collections.abc import Mapping

from resile.app.access import LOCAL, Identity
from resile.model.catalog import Person
from resile.ports.account_store import Scope


def account_of(name: str, told: Person) -> str:
    """Name of a person's account, as accounts write it; there need not be one."""
    return (told.user or name).lower()


def is_person(by: Identity, name: str, told: Person) -> bool:
    """Whether who asks is this person; a program is nobody, whoever made its token."""
    return by.user is not None and by.user.name == account_of(name, told)


def may_be_one(one: str, other: str, people: Mapping[str, Person]) -> bool:
    """Whether two under whose names timelines tell who did something may be the same human.

    A person without an account that resile knows of may be whoever logs in by one that is nobody's in the catalog.
    """
    if one == other:
        return True
    named = dict(said.split(":", 1) for said in (one, other) if ":" in said)
    if set(named) != {"person", "user"}:
        return False
    told = people.get(named["person"])
    is_theirs = told is not None and account_of(named["person"], told) == named["user"]
    return is_theirs or named["user"] not in {account_of(name, its) for name, its in people.items()}


def acts_for(by: Identity, name: str, told: Person) -> bool:
    """Whether who asks may do what is this person's own: they themselves, an admin, or anybody without accounts."""
    return is_person(by, name, told) or acts_for_all(by)


def acts_for_all(by: Identity) -> bool:
    """Whether who asks may do what is anybody's own."""
    return Scope.ADMIN in by.scopes or by == LOCAL
