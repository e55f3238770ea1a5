"""Contacts are proven by a code that only their holder can read, and an address that changed is proven no more."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from resile.app.access import LOCAL, Identity
from resile.app.catalog import Catalog
from resile.app.contacts import CODE_LASTS, MAX_CODES_AN_HOUR, MAX_TRIES, Contacts
from resile.app.notify import Notifier
from resile.model.catalog import Kind
from resile.model.errors import AccessError, ConfigError
from resile.model.message import Message, MessageClass, MessageState
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from resile.ports.account_store import Role, Scope, User
from resile.ports.catalog import Writing
from resile.ports.paging_store import Changes
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.memory_contacts import MemoryContactBook
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock
from tests.app.paging.world import FakeChannel

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MOBILE = {"name": "mobile", "channel": "sms", "address": "+15550100"}
MAIL = {"name": "mail", "channel": "email", "address": "ann@example.org"}


def user(name: str, *scopes: Scope) -> Identity:
    account = User(id=name, name=name, role=Role.EDITOR, created_at=NOW, password_hash=None)
    return Identity(by=f"user:{name}", name=name, scopes=frozenset(scopes or {Scope.READ}), user=account)


ANN, EVE = user("ann"), user("eve", Scope.READ, Scope.WRITE)
ADMIN = user("root", *Scope)


class World:
    """A catalog with ann in it, and everything in memory."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(NOW)
        self.store = MemoryCatalogStore()
        self.catalog = Catalog(self.store, self.clock)
        self.book = MemoryContactBook()
        self.paging = MemoryPagingStore(MemoryTimelineStore())
        self.contacts = Contacts(self.catalog, self.book, self.paging, self.clock)
        self.write("ann", {"contacts": [MOBILE, MAIL]})

    def write(self, name: str, body: dict[str, Any]) -> None:
        self.catalog.apply(LOCAL, self.catalog.changes_to({(Kind.PERSON, name): (body, "")}))

    def messages(self) -> list[Message]:
        """The newest first."""
        return self.paging.recent_messages(message_class=MessageClass.CHECK)

    def code(self) -> str:
        """What the person reads."""
        found = re.search(r"\d{6}", self.messages()[0].text)
        assert found is not None
        return found[0]

    def verify(self, contact: str = "mobile") -> None:
        self.contacts.send_code(ANN, "ann", contact)
        self.contacts.confirm(ANN, "ann", contact, self.code())


@pytest.fixture
def world() -> World:
    return World()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_code_goes_to_the_address_and_proves_it(world: World) -> None:
    until = world.contacts.send_code(ANN, "ann", "mobile")

    (message,) = world.messages()
    assert (message.channel, message.address) == ("sms", "+15550100")
    assert (message.person, message.contact) == ("ann", "mobile")
    assert message.due_at == NOW
    assert until == NOW + CODE_LASTS
    code = world.code()
    assert code in message.title
    world.contacts.confirm(ANN, "ann", "mobile", f" {code[:3]} {code[3:]} ")
    assert world.contacts.verified_of("ann") == {"mobile"}
    assert world.contacts.verified() == {"ann": frozenset({"mobile"})}
    (proof,) = world.book.verified()
    assert (proof.verified_at, proof.by) == (NOW, "user:ann")


def test_nothing_that_rests_of_a_code_is_the_code(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")

    check = world.book.check("ann", "mobile")

    assert check is not None
    assert world.code() not in repr(check)


def test_address_that_changed_is_proven_no_more_and_again_once_it_is_back(world: World) -> None:
    world.verify()

    world.write("ann", {"contacts": [{**MOBILE, "address": "+15550199"}, MAIL]})
    assert world.contacts.verified_of("ann") == frozenset()
    world.write("ann", {"contacts": [{**MOBILE, "channel": "voice"}, MAIL]})
    assert world.contacts.verified_of("ann") == frozenset()
    world.write("ann", {"contacts": [MAIL, MOBILE]})

    assert world.contacts.verified_of("ann") == {"mobile"}


def test_pages_go_by_what_is_proven_and_the_rules(world: World) -> None:
    rules = [{"use": "mail"}, {"use": "mobile", "after": "2m", "severities": ["SEV1"]}]
    world.write("ann", {"contacts": [MOBILE, MAIL], "rules": rules})

    def ways(severity: Severity | None) -> list[tuple[str, timedelta, bool]]:
        return [(one.contact.name, one.after, one.is_verified) for one in world.contacts.ways_for("ann", severity)]

    nothing = timedelta(0)
    assert ways(Severity.SEV1) == [("mail", nothing, False), ("mobile", 2 * MINUTE, False)]
    assert ways(Severity.SEV3) == [("mail", nothing, False)]
    world.verify()
    # Their first way is not proven: the next one takes its place, and its time.
    assert ways(Severity.SEV1) == [("mobile", nothing, True)]
    assert ways(Severity.SEV3) == [("mobile", nothing, True)]
    assert world.contacts.ways_for("zoe", None) == ()
    assert world.contacts.verified_of("zoe") == frozenset()


def test_code_holds_for_ten_minutes(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")
    world.clock.advance(CODE_LASTS)

    with pytest.raises(ConfigError, match="the code held for 10 minutes only; send another"):
        world.contacts.confirm(ANN, "ann", "mobile", world.code())
    assert world.contacts.of("ann")[0].awaits_until is None


def test_code_holds_for_five_tries_the_right_one_among_them(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")
    for _ in range(MAX_TRIES):
        with pytest.raises(ConfigError, match="this is not the code that was sent"):
            world.contacts.confirm(ANN, "ann", "mobile", wrong(world.code()))

    with pytest.raises(ConfigError, match="after 5 wrong codes the right one holds no longer; send another"):
        world.contacts.confirm(ANN, "ann", "mobile", world.code())
    world.clock.advance(MINUTE)
    world.verify()
    assert world.contacts.verified_of("ann") == {"mobile"}


def test_code_is_used_once_and_the_one_before_holds_no_longer(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")
    first = world.code()
    world.clock.advance(MINUTE)
    world.verify()

    with pytest.raises(ConfigError, match="no code was sent there; send one first"):
        world.contacts.confirm(ANN, "ann", "mobile", first)


def test_code_for_an_address_that_changed_meanwhile_proves_nothing(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")
    world.write("ann", {"contacts": [{**MOBILE, "address": "+15550199"}]})

    with pytest.raises(ConfigError, match="its address was changed after the code was sent"):
        world.contacts.confirm(ANN, "ann", "mobile", world.code())


def test_address_is_not_flooded_with_codes(world: World) -> None:
    for _ in range(MAX_CODES_AN_HOUR):
        world.contacts.send_code(ANN, "ann", "mobile")
        world.clock.advance(MINUTE)

    with pytest.raises(ConfigError, match="was sent 5 codes within an hour; check its address"):
        world.contacts.send_code(ANN, "ann", "mobile")
    world.contacts.send_code(ANN, "ann", "mail")
    world.clock.advance(HOUR)
    world.contacts.send_code(ANN, "ann", "mobile")
    assert len(world.messages()) == MAX_CODES_AN_HOUR + 2


@pytest.mark.parametrize("by", [ANN, ADMIN, LOCAL], ids=["herself", "an admin", "a machine without accounts"])
def test_contact_is_proven_by_whose_it_is_or_an_admin(world: World, by: Identity) -> None:
    assert world.contacts.may_verify(by, "ann")
    world.contacts.send_code(by, "ann", "mobile")
    world.contacts.confirm(by, "ann", "mobile", world.code())

    assert world.contacts.verified_of("ann") == {"mobile"}


def test_nobody_else_proves_it(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")

    assert not world.contacts.may_verify(EVE, "ann")
    with pytest.raises(AccessError, match="eve may not verify contacts of ann; let them do it, or an admin"):
        world.contacts.send_code(EVE, "ann", "mobile")
    with pytest.raises(AccessError, match="eve may not verify"):
        world.contacts.confirm(EVE, "ann", "mobile", world.code())
    world.write("ann", {"contacts": [MOBILE], "user": "eve"})
    assert world.contacts.may_verify(EVE, "ann")
    assert not world.contacts.may_verify(ANN, "ann")


def test_what_is_not_there_is_told(world: World) -> None:
    with pytest.raises(ConfigError, match="person 'zoe' is not in the catalog; add them first"):
        world.contacts.send_code(ADMIN, "zoe", "mobile")
    with pytest.raises(ConfigError, match="ann has no contact 'pager'; use one of mobile, mail"):
        world.contacts.send_code(ANN, "ann", "pager")
    world.store.write([Writing(kind="person", name="cyd", body={"colour": "red"}, expected=0)], at=NOW, by="user:ann")
    assert world.contacts.verified_of("cyd") == frozenset()
    assert world.contacts.verified() == {"ann": frozenset()}


def test_code_that_did_not_get_there_is_told_with_its_reason(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")
    (message,) = world.messages()
    failed = replace(message, state=MessageState.FAILED, error="channel sms is not set up here", version=2)

    world.paging.commit(Changes(messages=(failed,)))

    assert [one.fault for one in world.contacts.of("ann")] == ["channel sms is not set up here", None]
    world.clock.advance(MINUTE)
    world.contacts.send_code(ANN, "ann", "mobile")
    assert [one.fault for one in world.contacts.of("ann")] == [None, None]


def notifier_of(world: World, *channels: FakeChannel) -> Notifier:
    timelines = MemoryTimelineStore()
    named = {one.kind.name: one for one in channels}
    return Notifier(world.paging, timelines, world.clock, named, links=None, by="engine")


def test_code_is_struck_once_it_was_sent(world: World) -> None:
    sms = FakeChannel("sms")
    world.contacts.send_code(ANN, "ann", "mobile")
    code = world.code()

    notifier_of(world, sms).send_due()

    assert code in sms.sent[0].text
    assert world.messages()[0].state is MessageState.HANDED
    assert code not in str(world.messages())
    world.contacts.confirm(ANN, "ann", "mobile", code)


def test_code_that_cannot_be_sent_is_struck_too(world: World) -> None:
    world.contacts.send_code(ANN, "ann", "mobile")
    code = world.code()

    notifier_of(world).send_due()

    assert world.messages()[0].state is MessageState.FAILED
    assert code not in str(world.messages())


def test_code_that_expired_in_the_queue_is_not_sent(world: World) -> None:
    sms = FakeChannel("sms")
    world.contacts.send_code(ANN, "ann", "mobile")
    code = world.code()
    world.clock.advance(CODE_LASTS)

    notifier_of(world, sms).send_due()

    assert sms.sent == []
    assert world.messages()[0].state is MessageState.CANCELLED
    assert code not in str(world.messages())
