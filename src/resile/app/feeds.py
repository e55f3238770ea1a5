"""Feeds: calendars to which a program subscribes by an address that carries its own right, until it is revoked."""

from collections.abc import Callable, Sequence

from itsdangerous import BadSignature, URLSafeSerializer
from msgspec import Struct

from resile.app.access import Identity, new_id, require
from resile.app.catalog import Catalog
from resile.app.documents.duty_calendar import FeedBody, feed_calendar
from resile.app.oncall import OnCall
from resile.model.errors import AccessError, ConfigError
from resile.ports.account_store import Role, Scope
from resile.ports.clock import Clock
from resile.ports.feed_book import Feed, FeedBook, FeedOf

_SALT = "resile feed"
_MAX_TOKEN = 200
_UNKNOWN = "this calendar is not one of resile's, or was revoked; make another on the page On call"


class FeedSeen(Struct, frozen=True):
    """A feed, and the path by which it is read."""

    feed: Feed
    path: str


class Feeds:
    """The use cases of feeds.

    Args:
        key: the key of the data folder, made where there is none.
    """

    def __init__(
        self, catalog: Catalog, oncall: OnCall, book: FeedBook, clock: Clock, *, key: Callable[[], bytes]
    ) -> None:
        self._catalog = catalog
        self._oncall = oncall
        self._book = book
        self._clock = clock
        self._key = key

    def seen_by(self, by: Identity) -> list[FeedSeen]:
        """The feeds whose address somebody may know: those of schedules, and of persons whom they may act for."""
        require(by, Scope.READ)
        mine = set(self.persons_of(by))
        return [
            FeedSeen(one, self._path(one))
            for one in self._book.feeds()
            if one.of is FeedOf.SCHEDULE or one.name in mine
        ]

    def persons_of(self, by: Identity) -> Sequence[str]:
        """For whom somebody may make a feed: themselves; an admin, and anybody without accounts, for all."""
        people = self._catalog.people()
        if by.user is None or by.user.role is Role.ADMIN:
            return list(people)
        return [name for name, told in people.items() if (told.user or name) == by.user.name]

    def make(self, by: Identity, of: FeedOf, name: str) -> FeedSeen:
        """The feed of a person or schedule, made where there is none.

        Raises:
            AccessError: who asks may not write, or is not this person.
            ConfigError: there is no such person or schedule.
            ConflictError: somebody else made it at this moment.
        """
        self._check(by, of, name)
        known = self._held(of, name)
        if known is None:
            known = Feed(id=new_id(), of=of, name=name, made_at=self._clock.now(), made_by=by.by)
            self._book.add(known)
        return FeedSeen(known, self._path(known))

    def revoke(self, by: Identity, of: FeedOf, name: str) -> None:
        """Let nobody read it any more; one that is made afterwards has another address.

        Raises:
            AccessError: who asks may not write, or is not this person.
            ConfigError: there is none.
        """
        self._check(by, of, name, is_known=False)
        known = self._held(of, name)
        if known is None or not self._book.revoke(known.id, at=self._clock.now(), by=by.by):
            raise ConfigError(f"{of} {name[:64]!r} has no feed, so there is nothing to revoke")

    def opened(self, token: str) -> Feed:
        """The feed that a token opens.

        Raises:
            AccessError: none; whether it is wrong or was revoked is not told.
        """
        if len(token) > _MAX_TOKEN:
            raise AccessError(_UNKNOWN)
        try:
            feed_id = self._signer().loads(token)
        except BadSignature:
            raise AccessError(_UNKNOWN) from None
        feed = self._book.feed(feed_id) if isinstance(feed_id, str) else None
        if feed is None:
            raise AccessError(_UNKNOWN)
        return feed

    def written(self, feed: Feed) -> FeedBody:
        """A feed as an iCalendar file; empty where its person or schedule is gone."""
        person = feed.name if feed.of is FeedOf.PERSON else None
        schedule = feed.name if feed.of is FeedOf.SCHEDULE else None
        return feed_calendar(self._oncall, now=self._clock.now(), schedule=schedule, person=person)

    def _check(self, by: Identity, of: FeedOf, name: str, *, is_known: bool = True) -> None:
        require(by, Scope.WRITE)
        if of is FeedOf.SCHEDULE:
            if is_known:
                self._oncall.schedule(name)
        elif is_known and name not in self._catalog.people():
            raise ConfigError(f"person {name[:64]!r} is not in the catalog; add them first")
        elif name not in self.persons_of(by) and (is_known or by.user is not None):
            raise AccessError(f"{by.name} may not make or revoke the feed of {name[:64]}; let them do it, or an admin")

    def _held(self, of: FeedOf, name: str) -> Feed | None:
        return next((one for one in self._book.feeds() if one.of is of and one.name == name), None)

    def _path(self, feed: Feed) -> str:
        return f"/feeds/{self._signer().dumps(feed.id)}.ics"

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self._key(), salt=_SALT)
