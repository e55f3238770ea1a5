"""How people are reached: their ways, and the proof by a code that an address is theirs."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

import structlog
from msgspec import Struct

from resile.app.access import Identity
from resile.app.catalog import Catalog
from resile.app.persons import acts_for
from resile.model.catalog import Person
from resile.model.errors import AccessError, ConfigError
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.paging_documents import contacts_of, rules_of
from resile.model.policy import Contact, Way, ways_of
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from resile.ports.clock import Clock
from resile.ports.contact_book import Check, ContactBook, Verified
from resile.ports.paging_store import Changes, PagingStore

CODE_LASTS = 10 * MINUTE
MAX_TRIES = 5
# An address may be a stranger's, or cost money: it is not written to more often than this.
MAX_CODES_AN_HOUR = 5
_N_DIGITS = 6
_MAX_LISTED = 100
_log = structlog.get_logger()


class ContactSeen(Struct, frozen=True, kw_only=True):
    """A contact, and whether it was proven.

    Attributes:
        verified_at: None: it was not, or is another address by now.
        awaits_until: until when a code that was sent may be entered; None: none may.
        fault: why the newest code did not get there; None: it did, or is on its way, or none was sent.
    """

    contact: Contact
    verified_at: datetime | None = None
    awaits_until: datetime | None = None
    fault: str | None = None


class Contacts:
    """The use cases of contacts."""

    def __init__(self, catalog: Catalog, book: ContactBook, paging: PagingStore, clock: Clock) -> None:
        self._catalog = catalog
        self._book = book
        self._paging = paging
        self._clock = clock

    def ways_for(self, person: str, severity: Severity | None) -> tuple[Way, ...]:
        """By which ways, and when, a person is paged; none for somebody whom the catalog does not know."""
        told = self._catalog.person(person)
        if told is None:
            return ()
        contacts = contacts_of(person, told.contacts)
        verified = _proven(contacts, self._book.verified(person))
        return ways_of(contacts, rules_of(person, told.rules, contacts), verified=verified, severity=severity)

    def verified_of(self, person: str) -> frozenset[str]:
        """Names of the contacts whose address, as it is now, was proven."""
        told = self._catalog.person(person)
        return frozenset() if told is None else _proven(contacts_of(person, told.contacts), self._book.verified(person))

    def verified(self) -> dict[str, frozenset[str]]:
        """The same of everybody in the catalog, by person."""
        noted: dict[str, list[Verified]] = {}
        for one in self._book.verified():
            noted.setdefault(one.person, []).append(one)
        return {
            name: _proven(contacts_of(name, told.contacts), noted.get(name, []))
            for name, told in self._catalog.people().items()
        }

    def of(self, person: str) -> tuple[ContactSeen, ...]:
        """A person's contacts in their order.

        Raises:
            ConfigError: the catalog does not know them.
        """
        now = self._clock.now()
        noted = {one.contact: one for one in self._book.verified(person)}
        sent = self._sent(person)
        found = []
        for contact in contacts_of(person, self._person(person).contacts):
            digest = digest_of(contact)
            proof, check = noted.get(contact.name), self._book.check(person, contact.name)
            is_awaited = check is not None and check.digest == digest and _is_open(check, now)
            found.append(
                ContactSeen(
                    contact=contact,
                    verified_at=proof.verified_at if proof is not None and proof.digest == digest else None,
                    awaits_until=check.expires_at if check is not None and is_awaited else None,
                    fault=next((one.error for one in sent if one.contact == contact.name), None),
                )
            )
        return tuple(found)

    def may_verify(self, by: Identity, person: str) -> bool:
        """Whether who asks may prove this person's contacts: themselves, an admin, or anybody without accounts."""
        told = self._catalog.person(person)
        return told is not None and acts_for(by, person, told)

    def send_code(self, by: Identity, person: str, contact: str) -> datetime:
        """Send a code to a contact.

        Returns:
            Until when it may be entered.

        Raises:
            AccessError: who asks is neither this person nor an admin.
            ConfigError: there is no such contact, or it was sent codes too often.
        """
        found = self._found(by, person, contact)
        now = self._clock.now()
        self._slow_down(person, found, now)
        code = f"{secrets.randbelow(10**_N_DIGITS):0{_N_DIGITS}}"
        salt = secrets.token_bytes(16)
        check = Check(
            person=person,
            contact=contact,
            digest=digest_of(found),
            salt=salt,
            code_digest=_digest_of_code(salt, code),
            asked_at=now,
            expires_at=now + CODE_LASTS,
        )
        # Noted first: a code that arrives must work.
        self._book.begin(check)
        self._paging.commit(Changes(messages=(_message(check, found, code),)))
        _log.info("code queued", person=person, contact=contact, channel=found.channel)
        return check.expires_at

    def confirm(self, by: Identity, person: str, contact: str, code: str) -> None:
        """Prove a contact by the code that came there.

        Raises:
            AccessError: who asks is neither this person nor an admin.
            ConfigError: there is no such contact, or the code is not right, too old, or was tried too often.
        """
        found = self._found(by, person, contact)
        subject = f"contact {contact!r} of {person}"
        check, now = self._book.check(person, contact), self._clock.now()
        if check is None:
            raise ConfigError(f"{subject}: no code was sent there; send one first")
        if check.digest != digest_of(found):
            raise ConfigError(f"{subject}: its address was changed after the code was sent; send another")
        if check.expires_at <= now:
            raise ConfigError(f"{subject}: the code held for {CODE_LASTS // MINUTE} minutes only; send another")
        # Counted before it is looked at, so that tries which come together are no more than those in a row.
        if not self._book.count_try(check, most=MAX_TRIES):
            raise ConfigError(f"{subject}: after {MAX_TRIES} wrong codes the right one holds no longer; send another")
        if not hmac.compare_digest(_digest_of_code(check.salt, "".join(code.split())), check.code_digest):
            _log.warning("wrong code", person=person, contact=contact, by=by.by)
            raise ConfigError(f"{subject}: this is not the code that was sent; look at the newest message")
        self._book.verify(Verified(person=person, contact=contact, digest=check.digest, verified_at=now, by=by.by))
        _log.info("contact verified", person=person, contact=contact, by=by.by)

    def _slow_down(self, person: str, contact: Contact, now: datetime) -> None:
        lately = [one for one in self._sent(person) if one.contact == contact.name and one.queued_at > now - HOUR]
        if len(lately) >= MAX_CODES_AN_HOUR:
            raise ConfigError(
                f"contact {contact.name!r} of {person} was sent {len(lately)} codes within an hour; "
                "check its address, and try again later"
            )

    def _sent(self, person: str) -> list[Message]:
        return self._paging.recent_messages(limit=_MAX_LISTED, message_class=MessageClass.CHECK, person=person)

    def _found(self, by: Identity, person: str, contact: str) -> Contact:
        told = self._person(person)
        if not acts_for(by, person, told):
            raise AccessError(f"{by.name} may not verify contacts of {person}; let them do it, or an admin")
        contacts = contacts_of(person, told.contacts)
        found = next((one for one in contacts if one.name == contact), None)
        if found is None:
            names = ", ".join(one.name for one in contacts)
            hint = f"use one of {names}" if names else "give them one in the catalog"
            raise ConfigError(f"{person} has no contact {contact[:64]!r}; {hint}")
        return found

    def _person(self, name: str) -> Person:
        told = self._catalog.person(name)
        if told is None:
            raise ConfigError(f"person {name[:64]!r} is not in the catalog; add them first")
        return told


def digest_of(contact: Contact) -> bytes:
    """What tells one address of one channel from another."""
    return hashlib.sha256(f"{contact.channel}\0{contact.address}".encode()).digest()


def _proven(contacts: Iterable[Contact], noted: Iterable[Verified]) -> frozenset[str]:
    digests = {one.contact: one.digest for one in noted}
    return frozenset(one.name for one in contacts if digests.get(one.name) == digest_of(one))


def _is_open(check: Check, now: datetime) -> bool:
    return now < check.expires_at and check.n_tries < MAX_TRIES


def _digest_of_code(salt: bytes, code: str) -> bytes:
    return hmac.digest(salt, code.encode(), "sha256")


def _message(check: Check, contact: Contact, code: str) -> Message:
    return Message(
        id=message_id_of("check", check.person, check.contact, check.salt.hex()),
        message_class=MessageClass.CHECK,
        channel=contact.channel,
        address=contact.address,
        title=f"{code} is your code for resile",
        text=f"Enter {code} within {CODE_LASTS // MINUTE} minutes to show that pages for {check.person} arrive here. "
        "If nobody of you asked for it, leave it be.",
        queued_at=check.asked_at,
        due_at=check.asked_at,
        expires_at=check.expires_at,
        person=check.person,
        contact=check.contact,
    )
