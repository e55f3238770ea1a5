"""Which person of the catalog somebody is, and for whom they may act."""

from resile.app.access import LOCAL, Identity
from resile.model.catalog import Person
from resile.ports.account_store import Scope


def account_of(name: str, told: Person) -> str:
    """Name of a person's account, as accounts write it; there need not be one."""
    return (told.user or name).lower()


def is_person(by: Identity, name: str, told: Person) -> bool:
    """Whether who asks is this person; a program is nobody, whoever made its token."""
    return by.user is not None and by.user.name == account_of(name, told)


def acts_for(by: Identity, name: str, told: Person) -> bool:
    """Whether who asks may do what is this person's own: they themselves, an admin, or anybody without accounts."""
    return is_person(by, name, told) or acts_for_all(by)


def acts_for_all(by: Identity) -> bool:
    """Whether who asks may do what is anybody's own."""
    return Scope.ADMIN in by.scopes or by == LOCAL
