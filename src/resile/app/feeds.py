"""Feeds: calendars to which a program subscribes by an address that carries its own right, until it is revoked."""

from collections.abc import Callable, Sequence

from itsdangerous import BadSignature, URLSafeSerializer
from msgspec import Struct

from resile.app.access import Identity, new_id, require
from resile.app.catalog import Catalog
from resile.app.documents.duty_calendar import FeedBody, feed_calendar
from resile.app.oncall import OnCall
from resile.app.persons import account_of, acts_for, acts_for_all
from resile.model.errors import AccessError, ConfigError
from resile.ports.account_store import AccountStore, Scope
from resile.ports.clock import Clock
from resile.ports.feed_book import Feed, FeedBook, FeedOf

_SALT = "resile feed"
_MAX_TOKEN = 200
_UNKNOWN = "this calendar is not one of resile's, or was revoked; make another on the page On call"


class FeedSeen(Struct, frozen=True):
    """A feed, and the path by which it is read.

    Attributes:
        path: behind this server's address; whoever knows it reads the feed, without a login.
    """

    feed: Feed
    path: str


class Feeds:
    """The use cases of feeds.

    A person's own needs no more than the right to read; a schedule's is everybody's and needs that to write.

    Args:
        key: the key of the data folder, made where there is none.
    """

    def __init__(
        self,
        catalog: Catalog,
        oncall: OnCall,
        book: FeedBook,
        accounts: AccountStore,
        clock: Clock,
        *,
        key: Callable[[], bytes],
    ) -> None:
        self._catalog = catalog
        self._oncall = oncall
        self._book = book
        self._accounts = accounts
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
        return [name for name, told in self._catalog.people().items() if acts_for(by, name, told)]

    def make(self, by: Identity, of: FeedOf, name: str) -> FeedSeen:
        """The feed of a person or schedule, made where there is none.

        Raises:
            AccessError: who asks is not this person, or may not write and it is of a schedule.
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
            AccessError: who asks is not this person, or may not write and it is of a schedule.
            ConfigError: there is none.
        """
        self._check(by, of, name, is_known=False)
        known = self._held(of, name)
        if known is None or not self._book.revoke(known.id, at=self._clock.now(), by=by.by):
            raise ConfigError(f"{of} {name[:64]!r} has no feed, so there is nothing to revoke")

    def opened(self, token: str) -> Feed:
        """The feed that a token opens.

        Raises:
            AccessError: none; whether it is wrong, was revoked, or its person's account is disabled is not told.
        """
        if len(token) > _MAX_TOKEN:
            raise AccessError(_UNKNOWN)
        try:
            feed_id = self._signer().loads(token)
        except BadSignature:
            raise AccessError(_UNKNOWN) from None
        feed = self._book.feed(feed_id) if isinstance(feed_id, str) else None
        if feed is None or self._is_shut_out(feed):
            raise AccessError(_UNKNOWN)
        return feed

    def written(self, feed: Feed) -> FeedBody:
        """A feed as an iCalendar file; empty where its person or schedule is gone."""
        person = feed.name if feed.of is FeedOf.PERSON else None
        schedule = feed.name if feed.of is FeedOf.SCHEDULE else None
        return feed_calendar(self._oncall, now=self._clock.now(), schedule=schedule, person=person)

    def _check(self, by: Identity, of: FeedOf, name: str, *, is_known: bool = True) -> None:
        if of is FeedOf.SCHEDULE:
            require(by, Scope.WRITE)
            if is_known:
                self._oncall.schedule(name)
            return
        require(by, Scope.READ)
        told = self._catalog.people().get(name)
        # The feed of somebody who was taken out of the catalog is an admin's to revoke.
        if told is None and is_known:
            raise ConfigError(f"person {name[:64]!r} is not in the catalog; add them first")
        if not (acts_for_all(by) if told is None else acts_for(by, name, told)):
            raise AccessError(f"{by.name} may not make or revoke the feed of {name[:64]}; let them do it, or an admin")

    def _is_shut_out(self, feed: Feed) -> bool:
        """Whether the account of a feed's person is disabled: no address that they know lets them in by the back."""
        told = self._catalog.person(feed.name) if feed.of is FeedOf.PERSON else None
        user = None if told is None else self._accounts.user_named(account_of(feed.name, told))
        return user is not None and user.disabled_at is not None

    def _held(self, of: FeedOf, name: str) -> Feed | None:
        return next((one for one in self._book.feeds() if one.of is of and one.name == name), None)

    def _path(self, feed: Feed) -> str:
        return f"/feeds/{self._signer().dumps(feed.id)}.ics"

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self._key(), salt=_SALT)
