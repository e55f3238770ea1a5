"""People's addresses as others may see them: whole for themselves and whoever may write the catalog, else shortened."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from resile.app.access import Identity
from resile.app.catalog import Catalog
from resile.app.contacts import ContactSeen
from resile.app.persons import acts_for_all, is_person
from resile.model.catalog import Kind
from resile.model.message import shown_address
from resile.ports.account_store import Scope
from resile.ports.catalog import Version


def sees_whole(by: Identity, catalog: Catalog, person: str) -> bool:
    """Whether who asks sees a person's addresses as they are.

    Nobody else needs them: telephone numbers are people's own, and whoever has the address of a webhook may use it.
    """
    return _sees_all(by) or person in _themselves(by, catalog)


def shown_versions(by: Identity, catalog: Catalog, versions: Iterable[Version]) -> list[Version]:
    """Versions of documents as who asks may see them."""
    if _sees_all(by):
        return list(versions)
    themselves = _themselves(by, catalog)
    return [one if one.kind != Kind.PERSON or one.name in themselves else _shortened(one) for one in versions]


def shown_contacts(by: Identity, catalog: Catalog, person: str, contacts: Iterable[ContactSeen]) -> list[ContactSeen]:
    """A person's contacts as who asks may see them."""
    if sees_whole(by, catalog, person):
        return list(contacts)
    return [replace(one, contact=replace(one.contact, address=shown_address(one.contact.address))) for one in contacts]


def _sees_all(by: Identity) -> bool:
    return Scope.WRITE in by.scopes or acts_for_all(by)


def _themselves(by: Identity, catalog: Catalog) -> frozenset[str]:
    if by.user is None:
        return frozenset()
    return frozenset(name for name, told in catalog.people().items() if is_person(by, name, told))


def _shortened(version: Version) -> Version:
    return version if version.body is None else replace(version, body=_without_addresses(version.body))


def _without_addresses(told: Any) -> Any:
    """Of any shape: a version that can be read no more is shown too."""
    if isinstance(told, list | tuple):
        return [_without_addresses(one) for one in told]
    if not isinstance(told, dict):
        return told
    return {
        name: shown_address(str(value)) if name == "address" else _without_addresses(value)
        for name, value in told.items()
    }
