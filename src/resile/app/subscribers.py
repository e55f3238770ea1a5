"""Subscribers: they ask, show that they read where they want to be told, are told, and leave with one click.

Whoever asks hears the same whether an address is known or not, so that nobody learns who subscribed. Too many asks for
one address are answered like any other, and nothing is sent.
"""

import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import structlog
from itsdangerous import BadSignature, URLSafeSerializer

from resile.app.access import Identity, new_id, require
from resile.channels.email import mailbox_of
from resile.channels.outward import Outward
from resile.model.errors import AccessError, ConfigError
from resile.model.time import DAY, HOUR
from resile.ports.account_store import Scope
from resile.ports.clock import Clock
from resile.ports.subscriber_book import CHANNELS, Ask, Subscriber, SubscriberBook
from resile.ports.telling_store import Copy, Telling, TellingKind, TellingStore

# Where links lead, behind the address of whatever serves them. GET shows a button, POST does it; to LEAVE_PATH mail
# programs post by themselves (RFC 8058).
CONFIRM_PATH = "/subscriptions/confirm/"
LEAVE_PATH = "/subscriptions/leave/"
CONFIRM_LASTS = timedelta(hours=24)
ASKS_WITHIN = timedelta(hours=24)
# Of webhooks those to one host count together: whoever asks could else have us knock at a stranger's all day.
MAX_ASKS_OF_ADDRESS = 3
MAX_ASKS_OF_HOST = 20
MAX_ASKS_OF_ALL = 2_000
MAX_SUBSCRIBERS = 100_000
MAX_COMPONENTS = 50
_MAX_NAME = 64
_MAX_TOKEN = 200
_SALT = "resile subscriber"
_KEPT = 2 * DAY
_PORTION = 1_000
_BAD_LINK = "this link is not one of resile's, or was cut on its way; copy it whole, or subscribe again"
_log = structlog.get_logger()


class TooManyAsksError(AccessError):
    """Too many asked from here, or at all; again after `wait`."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        super().__init__(f"too many ask to subscribe; try again in {max(1, wait // HOUR)} h")


class Subscribers:
    """The use cases of subscribers.

    Args:
        offered: the channels that are set up here, of `email` and `webhook`; none holds without `address`.
        outward: the guard of addresses that strangers typed.
        address: where links lead: `https://status.example.org`.
        key: the key of the data folder, made where there is none.
    """

    def __init__(
        self,
        book: SubscriberBook,
        tellings: TellingStore,
        clock: Clock,
        *,
        offered: Sequence[str],
        outward: Outward,
        address: str,
        key: Callable[[], bytes],
    ) -> None:
        self._book = book
        self._tellings = tellings
        self._clock = clock
        self._outward = outward
        self._address = address.rstrip("/")
        self._key = key
        # Without an address of ours no link would lead anywhere, and nobody could confirm or leave.
        self.offered = tuple(channel for channel in CHANNELS if channel in offered) if address else ()

    def ask(self, channel: str, address: str, components: Sequence[str] = (), *, host: str) -> None:
        """Send a link to an address by which whoever reads there subscribes.

        Args:
            components: of which to hear; none: of all. Whether there are such is for whoever shows them.
            host: from which somebody asks.

        Raises:
            ConfigError: it is no address of that channel, or the channel is not offered here.
            TooManyAsksError: from that host, or by everybody together.
        """
        whose, place = self._checked(channel, address)
        wanted = _names(components)
        now = self._clock.now()
        by_address, by_host = self._digest(f"{channel} {place}"), self._digest(f"host {host}")
        counts = self._book.asks_since(now - ASKS_WITHIN, address_digest=by_address, host_digest=by_host)
        if counts.of_host >= MAX_ASKS_OF_HOST or counts.of_all >= MAX_ASKS_OF_ALL:
            raise TooManyAsksError(ASKS_WITHIN)
        asked = Ask(
            id=new_id(),
            channel=channel,
            address=whose,
            components=wanted,
            address_digest=by_address,
            host_digest=by_host,
            asked_at=now,
            expires_at=now + CONFIRM_LASTS,
            is_sent=counts.of_address < MAX_ASKS_OF_ADDRESS,
        )
        self.let_go()
        self._book.add_ask(asked)
        if asked.is_sent:
            telling = Telling(id=f"ask-{asked.id}", kind=TellingKind.CONFIRM, title="", text="", made_at=now)
            copy = Copy(
                telling_id=telling.id,
                subscriber_id=asked.id,
                channel=channel,
                address=whose,
                first_due_at=now,
                due_at=now,
            )
            self._tellings.ask_for(telling, copy)
        _log.info("subscription asked for", channel=channel, is_sent=asked.is_sent)

    def let_go(self) -> None:
        """Forget who asked long ago; their links are too old by then."""
        self._book.let_go_asks(self._clock.now() - _KEPT)

    def asked(self, token: str) -> Ask:
        """What the link of a confirmation is for.

        Raises:
            AccessError: it is none of ours, or too old.
        """
        asked = self._book.ask(self._read(token, "confirm"))
        if asked is None or asked.expires_at <= self._clock.now():
            raise AccessError("this link held for a day only; subscribe again to get another")
        return asked

    def confirm(self, token: str) -> Subscriber:
        """Have the address told from now on; once more changes nothing.

        Raises:
            AccessError: the link is none of ours, or too old, or there is no room for more.
        """
        asked = self.asked(token)
        if sum(self._book.count()) >= MAX_SUBSCRIBERS:
            raise AccessError(f"there are {MAX_SUBSCRIBERS:,} subscribers already; read the feed of the page instead")
        subscriber = self._book.confirm(
            Subscriber(
                id=new_id(),
                channel=asked.channel,
                address=asked.address,
                components=asked.components,
                confirmed_at=self._clock.now(),
            )
        )
        _log.info("subscribed", subscriber=subscriber.id, channel=subscriber.channel)
        return subscriber

    def may_leave(self, token: str) -> None:
        """Whether a link to leave is one of ours.

        Raises:
            AccessError: it is not.
        """
        self._read(token, "leave")

    def leave(self, token: str) -> None:
        """Forget the address; once more changes nothing, and nobody is told whether it was there.

        Raises:
            AccessError: the link is none of ours.
        """
        subscriber_id = self._read(token, "leave")
        if self._book.remove(subscriber_id):
            _log.info("unsubscribed", subscriber=subscriber_id)

    def one(self, subscriber_id: str) -> Subscriber | None:
        """The one of that id."""
        return self._book.subscriber(subscriber_id)

    def remove(self, by: Identity, subscriber_id: str) -> None:
        """Take somebody off the list.

        Raises:
            AccessError: who asks may not.
            ConfigError: there is none of that id.
        """
        require(by, Scope.WRITE)
        if not self._book.remove(subscriber_id):
            raise ConfigError(f"there is no subscriber {subscriber_id[:40]!r}; look at the list again")
        _log.info("subscriber removed", subscriber=subscriber_id, by=by.by)

    def listed(self, *, after: str = "") -> Iterator[Subscriber]:
        """All subscribers by id, those after one, read in portions."""
        while portion := self._book.listed(after=after, limit=_PORTION):
            yield from portion
            after = portion[-1].id

    def count(self) -> tuple[int, int]:
        """How many are told, and how many were put aside."""
        return self._book.count()

    def confirm_url(self, ask_id: str) -> str:
        """The link in a confirmation."""
        return f"{self._address}{CONFIRM_PATH}{self._signer().dumps(['confirm', ask_id])}"

    def leave_url(self, subscriber_id: str) -> str:
        """The link in everything that a subscriber is told."""
        return f"{self._address}{LEAVE_PATH}{self._signer().dumps(['leave', subscriber_id])}"

    def _checked(self, channel: str, address: str) -> tuple[str, str]:
        """The address as it is kept, and by what asks for it are counted."""
        if channel not in self.offered:
            there = ", ".join(self.offered) or "none"
            raise ConfigError(f"{channel[:40]!r} is no channel for subscribers here; there is {there}")
        if channel == "email":
            mailbox = mailbox_of(address)
            return mailbox, mailbox.lower()
        place = self._outward.check(address, "the address")
        return str(place), place.host

    def _read(self, token: str, deed: str) -> str:
        try:
            told = self._signer().loads(token) if len(token) <= _MAX_TOKEN else None
        except BadSignature:
            told = None
        if not isinstance(told, list) or len(told) != 2 or told[0] != deed:  # noqa: PLR2004 - the deed and whose
            raise AccessError(_BAD_LINK)
        return str(told[1])

    def _digest(self, of: str) -> bytes:
        return hmac.digest(self._key(), f"{_SALT} {of}".encode("utf-8", "replace"), "sha256")

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self._key(), salt=_SALT)


def _names(components: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(one.strip() for one in components if one.strip()))
    if len(names) > MAX_COMPONENTS or any(len(one) > _MAX_NAME or not one.isprintable() for one in names):
        raise ConfigError(f"at most {MAX_COMPONENTS} components of {_MAX_NAME} characters; choose fewer, or all")
    return names
