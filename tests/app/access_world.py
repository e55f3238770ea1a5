"""Accounts on a real store, with a clock that stands still."""

from collections.abc import Callable
from datetime import UTC, datetime

from argon2 import PasswordHasher

from resile.app.access import (
    Access,
    Identity,
)
from resile.app.accounts import Accounts
from resile.app.passwords import Passwords
from resile.ports.account_store import Role, User
from resile.stores.account_store import SqlAccountStore
from resile.stores.engine import Database
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2024, 3, 1, 9, tzinfo=UTC)
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
ANNS = "correct horse battery"
BOBS = "purple monkey dishwasher"
HOME = "127.0.0.1"


class CountingHasher(PasswordHasher):
    """argon2 that counts how often it had to work, for time itself is no fair judge."""

    n_checks = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's own name
        self.n_checks += 1
        return super().verify(hash, password)


class InterruptedHasher(PasswordHasher):
    """argon2 during whose work something else happens, as there is time for while a real check takes half a second."""

    def __init__(self, meanwhile: Callable[[], object], **costs: int) -> None:
        super().__init__(**CHEAP | costs)
        self._meanwhile = [meanwhile]

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's own name
        is_right = super().verify(hash, password)
        while self._meanwhile:
            self._meanwhile.pop()()
        return is_right


class World:
    """A store with its use cases, and a clock that stands still."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlAccountStore(database)
        self.clock = SimulatedClock(NOW)
        self.hasher = CountingHasher(**CHEAP)
        self.access = Access(self.store, self.clock, Passwords(self.hasher))
        self.accounts = Accounts(self.store, self.clock)

    def ann(self) -> Identity:
        """Make the first admin and log her in."""
        return self.who(self.access.set_up(self.access.make_set_up_link(), "Ann", ANNS))

    def bob(self, ann: Identity, role: Role = Role.EDITOR) -> Identity:
        """Have Ann add Bob, who chooses a password and logs in."""
        self.access.choose_password(self.accounts.add_user(ann, "bob", role), BOBS)
        return self.who(self.login("bob", BOBS))

    def interrupted(self, meanwhile: Callable[[], object], **costs: int) -> Access:
        """The use cases in another process, in which this happens right after a password was checked."""
        return Access(self.store, self.clock, Passwords(InterruptedHasher(meanwhile, **costs)))

    def login(self, name: str, password: str, address: str = HOME) -> str:
        return self.access.login(name, password, address=address, client="Firefox")

    def who(self, secret: str) -> Identity:
        identity = self.access.of_session(secret)
        assert identity is not None
        return identity

    def user(self, name: str) -> User:
        found = self.store.user_named(name)
        assert found is not None
        return found

    def record(self) -> list[tuple[str, str, str]]:
        return [(change.by, change.action, change.subject) for change in self.store.changes()]
