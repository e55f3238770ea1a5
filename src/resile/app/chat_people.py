"""Who of the catalog somebody in Slack is, and who in Slack somebody of the catalog is; and what they may do."""

import unicodedata
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from resile.app.catalog import Catalog
from resile.app.persons import account_of
from resile.app.printable import printable
from resile.channels.slack_rooms import SlackMember, SlackRooms
from resile.model.catalog import Person
from resile.model.chat import Member
from resile.model.errors import AccessError
from resile.model.paging_documents import contacts_of
from resile.ports.account_store import AccountStore, Scope
from resile.ports.chat_book import ChatBook
from resile.ports.clock import Clock

PROGRAM = "slack"
_LASTS = timedelta(hours=24)
_EMAIL = "email"


class Known(Struct, frozen=True, kw_only=True):
    """Somebody in a chat program.

    Attributes:
        person: their name in the catalog; None: nobody there is them.
        account: by which they log in; None: they have none.
    """

    program: str = PROGRAM
    member: str
    name: str
    person: str | None
    account: str | None = None

    @property
    def by(self) -> str:
        """As timelines name who told something: by their account, so that nobody is two who agree with each other."""
        if self.account is not None:
            return f"user:{self.account}"
        return f"{self.program}:{self.member}" if self.person is None else f"person:{self.person}"


class People(Protocol):
    """Who somebody in a chat program is."""

    def known(self, member_id: str, *, name: str = "") -> Known:
        """Them, by the program's own id of them; `name`: as the program calls them.

        Raises:
            DeliveryError: the program was to be asked, and does not answer.
        """
        ...

    def commander(self, known: Known) -> str:
        """The person who may command.

        Raises:
            AccessError: nobody knows who they are, or their account may not write.
        """
        ...


class ChatPeople:
    """Looks people up; what Slack said of somebody is remembered for a day."""

    def __init__(
        self, slack: SlackRooms, book: ChatBook, catalog: Catalog, accounts: AccountStore, clock: Clock
    ) -> None:
        self._slack = slack
        self._book = book
        self._catalog = catalog
        self._accounts = accounts
        self._clock = clock

    def known(self, member_id: str, *, name: str = "") -> Known:
        """Who somebody is: by their id among the contacts, else by the e-mail of their profile.

        Args:
            name: what Slack called them just now.

        Raises:
            DeliveryError: Slack was to be asked, and does not answer.
        """
        people = self._catalog.people()
        person = _with_contact(people, PROGRAM, member_id)
        if person is None:
            told = self._looked_up(member_id)
            name = name or member_id if told is None else told.name
            person = None if told is None or told.email is None else _with_contact(people, _EMAIL, told.email)
        return known_as(member_id, person, name, catalog=self._catalog, accounts=self._accounts)

    def as_remembered(self, member_id: str) -> str | None:
        """What somebody is called, as far as it is known without asking Slack."""
        person = _with_contact(self._catalog.people(), PROGRAM, member_id)
        told = None if person is not None else self._book.member(PROGRAM, member_id)
        return person if told is None else unlike_people(told.name, self._catalog, member_id)

    def _looked_up(self, member_id: str) -> Member | None:
        remembered = self._book.member(PROGRAM, member_id)
        now = self._clock.now()
        if remembered is not None and remembered.looked_at > now - _LASTS:
            return remembered
        found = self._slack.member(member_id)
        return None if found is None else self._note(found, now)

    def _note(self, found: SlackMember, now: datetime) -> Member:
        member = Member(program=PROGRAM, id=found.id, name=found.name, email=found.email, looked_at=now)
        self._book.note_member(member)
        return member

    def member_of(self, person: str) -> str | None:
        """The id of a person of the catalog at Slack; None: they have none there, as far as their contacts tell.

        Raises:
            DeliveryError: Slack was to be asked, and does not answer.
        """
        told = self._catalog.person(person)
        if told is None:
            return None
        contacts = contacts_of(person, told.contacts)
        for contact in contacts:
            if contact.channel == PROGRAM and contact.address[:1] in {"U", "W"}:
                return contact.address
        for contact in contacts:
            if contact.channel == _EMAIL:
                found = self._slack.member_by_email(contact.address)
                if found is not None:
                    return self._note(found, self._clock.now()).id
        return None

    def commander(self, known: Known) -> str:
        """The person who may command here.

        Raises:
            AccessError: nobody knows who they are, or their account may not write.
        """
        if known.person is None:
            raise AccessError(
                f"resile does not know who you are: have your member id {known.member}, or the e-mail of your Slack "
                "profile, added to your contacts in resile's catalog"
            )
        return allowed(known.person, self._catalog, self._accounts)


def known_as(
    member: str, person: str | None, name: str, *, catalog: Catalog, accounts: AccountStore, program: str = PROGRAM
) -> Known:
    """Somebody, by the person that they are; whom nobody knows is called as no person is.

    Args:
        name: as they call themselves, which anybody may.
    """
    told = None if person is None else catalog.person(person)
    if person is None or told is None:
        return Known(program=program, member=member, name=unlike_people(name, catalog, member), person=None)
    user = accounts.user_named(account_of(person, told))
    return Known(
        program=program, member=member, name=person, person=person, account=None if user is None else user.name
    )


def unlike_people(name: str, catalog: Catalog, member: str) -> str:
    """A name that somebody gave themselves; it says whose it is where it could be taken for one of ours."""
    ours = {_compared(one) for one in ("resile", *catalog.people())}
    return f"{name} ({member})" if _compared(name) in ours else name


def _compared(name: str) -> str:
    # Signs that nobody sees would tell two names apart for programs alone.
    seen = "".join(sign for sign in printable(name) if unicodedata.category(sign) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).split()).casefold()


def allowed(name: str, catalog: Catalog, accounts: AccountStore) -> str:
    """Somebody of the catalog who may command: whoever has an account needs the right to write.

    Raises:
        AccessError: their account may not.
    """
    told = catalog.person(name)
    user = None if told is None else accounts.user_named(account_of(name, told))
    if user is not None and (user.disabled_at is not None or Scope.WRITE not in user.role.scopes):
        raise AccessError(f"the account of {name} may not write in resile; ask an admin for the right")
    return name


def _with_contact(people: dict[str, Person], channel: str, address: str) -> str | None:
    """The one person who has it; where several do, as with a mailbox that is shared, it tells nobody's name."""
    wanted = address.casefold()
    found = [
        name
        for name, person in people.items()
        if any(one.channel == channel and one.address.strip().casefold() == wanted for one in person.contacts)
    ]
    return found[0] if len(found) == 1 else None
