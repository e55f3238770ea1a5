"""Who gets in, and who stays out: the same on SQLite and PostgreSQL."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from resile.app.access import (
    ATTEMPTS_WITHIN,
    IDLE_LASTS,
    LINK_LASTS,
    LOCAL,
    MAX_ATTEMPTS_HERE,
    MAX_ATTEMPTS_OF_ADDRESS,
    MAX_ATTEMPTS_UNDER_NAME,
    SESSION_LASTS,
    Access,
    Identity,
    TooManyAttemptsError,
    digest,
)
from resile.app.accounts import MAX_TOKEN_LASTS, Accounts
from resile.app.passwords import MAX_LENGTH, Passwords, check_password
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.ports.account_store import Change, Role, Scope, User
from resile.stores import account_tables
from resile.stores.account_store import SqlAccountStore
from resile.stores.engine import Database
from resile.stores.migrate import head, run_to
from resile.stores.opening import open_engine
from resile.testing.postgresql import PostgresqlServer, postgresql_server
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


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    with postgresql_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    is_sqlite = request.param == "sqlite"
    url = None if is_sqlite else request.getfixturevalue("server").new_database()
    database = open_engine(tmp_path, url)
    yield World(database)
    database.close()


def test_there_are_no_accounts_until_the_first_admin_is_made_through_the_link(world: World) -> None:
    assert not world.access.has_accounts()
    secret = world.access.make_set_up_link()

    ann = world.who(world.access.set_up(secret, " Ann ", ANNS, client="Firefox"))

    assert world.access.has_accounts()
    assert (ann.by, ann.scopes) == ("user:ann", frozenset(Scope))
    assert world.record() == [("user:ann", "logged in", "user:ann"), ("link:set_up", "first admin made", "user:ann")]


def test_a_set_up_link_works_once_for_a_day_and_only_the_latest(world: World) -> None:
    earlier = world.access.make_set_up_link()
    latest = world.access.make_set_up_link()

    for secret in (earlier, "guessed", ""):
        with pytest.raises(AccessError, match="this link was used"):
            world.access.set_up(secret, "ann", ANNS)
    world.clock.advance(LINK_LASTS)
    with pytest.raises(AccessError, match="older than a day"):
        world.access.set_up(latest, "ann", ANNS)
    fresh = world.access.make_set_up_link()
    world.access.set_up(fresh, "ann", ANNS)
    with pytest.raises(AccessError):
        world.access.set_up(fresh, "eve", ANNS)
    with pytest.raises(ConflictError, match="there is an admin already"):
        world.access.make_set_up_link()


def test_of_many_who_use_the_set_up_link_at_once_one_becomes_admin(world: World) -> None:
    secret = world.access.make_set_up_link()
    begin = threading.Barrier(6)
    made: list[str] = []

    def rush(name: str) -> None:
        begin.wait()
        try:
            world.access.set_up(secret, name, ANNS)
        except (AccessError, ConflictError):
            return
        made.append(name)

    threads = [threading.Thread(target=rush, args=(f"user{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert [user.name for user in world.store.users()] == made


def test_login_takes_the_name_in_any_case_and_refuses_any_other_password(world: World) -> None:
    world.ann()

    assert world.who(world.login(" ANN ", ANNS)).name == "ann"
    for name, password in [("ann", ANNS + " "), ("ann", ""), ("eve", ANNS), ("", ""), ("ann\0", ANNS)]:
        with pytest.raises(AccessError, match="name or password is wrong"):
            world.login(name, password)


def test_an_unknown_name_a_disabled_user_and_one_without_password_cost_as_much_work_as_a_wrong_password(
    world: World,
) -> None:
    ann = world.ann()
    bob = world.bob(ann)
    world.accounts.add_user(ann, "carol", Role.VIEWER)
    assert bob.user is not None
    world.accounts.disable(ann, bob.user.id)

    costs = []
    for name in ("ann", "nobody", "bob", "carol"):
        before = world.hasher.n_checks
        with pytest.raises(AccessError, match="name or password is wrong"):
            world.login(name, "wrong password", address=name)
        costs.append(world.hasher.n_checks - before)

    assert costs == [1, 1, 1, 1]


def test_the_name_that_nobody_has_is_not_kept_for_it_may_be_a_password(world: World) -> None:
    world.ann()

    with pytest.raises(AccessError):
        world.login("my secret password", "")

    assert world.record()[0] == ("login page", "login failed", "user:?")


def test_five_failures_from_one_address_close_it_for_that_name_until_an_hour_after_the_first(world: World) -> None:
    world.ann()
    for _ in range(MAX_ATTEMPTS_HERE):
        with pytest.raises(AccessError, match="wrong"):
            world.login("ann", "wrong password")
        world.clock.advance(timedelta(minutes=1))

    with pytest.raises(TooManyAttemptsError, match="try again in 55 min"):
        world.login("ann", ANNS)
    world.login("ann", ANNS, address="10.0.0.9")
    with pytest.raises(AccessError, match="wrong"):
        world.login("eve", ANNS)
    world.clock.advance(ATTEMPTS_WITHIN - timedelta(minutes=MAX_ATTEMPTS_HERE) + timedelta(microseconds=1))
    world.login("ann", ANNS)


def test_a_throttled_login_does_no_costly_work(world: World) -> None:
    world.ann()
    for _ in range(MAX_ATTEMPTS_HERE):
        with pytest.raises(AccessError):
            world.login("ann", "wrong password")
    before = world.hasher.n_checks

    with pytest.raises(TooManyAttemptsError):
        world.login("ann", ANNS)

    assert world.hasher.n_checks == before


def test_one_address_cannot_try_many_names_even_if_it_has_one_good_account(world: World) -> None:
    bob = world.bob(world.ann())
    for n in range(MAX_ATTEMPTS_OF_ADDRESS):
        with pytest.raises(AccessError, match="wrong"):
            world.login(f"name{n}", "wrong password")
        if n % 10 == 0 and n < MAX_ATTEMPTS_OF_ADDRESS - 1:
            world.login(bob.name, BOBS)

    with pytest.raises(TooManyAttemptsError):
        world.login("name", "wrong password")


def test_one_name_cannot_be_tried_from_many_addresses(world: World) -> None:
    world.ann()
    for n in range(MAX_ATTEMPTS_UNDER_NAME):
        with pytest.raises(AccessError, match="wrong"):
            world.login("ann", "wrong password", address=f"10.0.0.{n}")

    with pytest.raises(TooManyAttemptsError):
        world.login("ann", ANNS, address="10.0.1.1")


def test_many_good_logins_are_no_attempts(world: World) -> None:
    world.ann()

    for _ in range(MAX_ATTEMPTS_OF_ADDRESS + 1):
        world.login("ann", ANNS)


def test_guesses_at_the_same_moment_are_counted_one_by_one(world: World) -> None:
    world.ann()
    begin = threading.Barrier(12)
    outcomes: list[type[Exception]] = []

    def guess() -> None:
        begin.wait()
        try:
            world.login("ann", "wrong password")
        except AccessError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count(AccessError) == MAX_ATTEMPTS_HERE
    assert outcomes.count(TooManyAttemptsError) == 12 - MAX_ATTEMPTS_HERE


def test_a_session_ends_after_seven_idle_days_or_thirty_in_all_or_at_logout(world: World) -> None:
    ann = world.ann()
    idle, busy, left = (world.login("ann", ANNS) for _ in range(3))
    world.access.logout(world.who(left))
    assert world.access.of_session(left) is None

    world.clock.advance(IDLE_LASTS - timedelta(seconds=1))
    assert world.access.of_session(busy) is not None
    world.clock.advance(timedelta(seconds=1))
    assert world.access.of_session(idle) is None
    assert [one.id for one in world.access.sessions(ann)] == [world.who(busy).session.id]  # type: ignore[union-attr]
    world.clock.advance(IDLE_LASTS - timedelta(days=1))
    world.who(busy)
    while world.clock.now() < NOW + SESSION_LASTS:
        assert world.access.of_session(busy) is not None
        world.clock.advance(timedelta(days=1))
    assert world.access.of_session(busy) is None


def test_expired_sessions_are_thrown_away_at_the_next_login(world: World) -> None:
    ann = world.ann()
    world.clock.advance(SESSION_LASTS)
    world.login("ann", ANNS)

    assert ann.user is not None
    assert len(world.store.sessions_of(ann.user.id)) == 1


def test_a_person_ends_only_their_own_sessions(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann)
    assert ann.session is not None
    assert bob.session is not None

    assert not world.access.end_session(bob, ann.session.id)
    assert world.access.end_session(ann, ann.session.id)
    assert world.record()[0] == ("user:ann", "session ended", "user:ann")


def test_a_changed_password_ends_all_other_sessions(world: World) -> None:
    world.ann()
    here, there = world.login("ann", ANNS), world.login("ann", ANNS)

    world.access.change_password(world.who(here), ANNS, BOBS, address=HOME)

    assert world.access.of_session(here) is not None
    assert world.access.of_session(there) is None
    with pytest.raises(AccessError):
        world.login("ann", ANNS)
    assert world.who(world.login("ann", BOBS)).name == "ann"


def test_whoever_finds_an_open_browser_cannot_guess_the_old_password(world: World) -> None:
    ann = world.ann()
    for _ in range(MAX_ATTEMPTS_HERE):
        with pytest.raises(AccessError, match="old password is wrong"):
            world.access.change_password(ann, "wrong password", BOBS, address=HOME)

    with pytest.raises(TooManyAttemptsError):
        world.access.change_password(ann, ANNS, BOBS, address=HOME)


def test_a_new_user_chooses_a_password_through_a_link_that_works_once(world: World) -> None:
    ann = world.ann()
    secret = world.accounts.add_user(ann, "Bob@Example.com", Role.VIEWER)

    user = world.access.choose_password(secret, BOBS)

    assert user.name == "bob@example.com"
    with pytest.raises(AccessError, match="this link was used"):
        world.access.choose_password(secret, ANNS)
    assert world.who(world.login("bob@example.com", BOBS)).scopes == {Scope.READ}


def test_a_new_password_link_voids_the_earlier_one_and_ends_all_sessions(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann)
    assert bob.user is not None
    session = world.login("bob", BOBS)
    earlier = world.accounts.make_password_link(ann, bob.user.id)
    latest = world.accounts.make_password_link(ann, bob.user.id)

    with pytest.raises(AccessError):
        world.access.choose_password(earlier, ANNS)
    world.access.choose_password(latest, ANNS)
    assert world.access.of_session(session) is None


def test_a_disabled_user_is_out_at_once_with_sessions_links_and_tokens(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann)
    assert bob.user is not None
    session = world.login("bob", BOBS)
    token = world.accounts.create_token(bob, "ci", {Scope.READ}, lasts=timedelta(days=1))
    link = world.accounts.make_password_link(ann, bob.user.id)

    world.accounts.disable(ann, bob.user.id)

    assert world.access.of_session(session) is None
    assert world.access.of_token(token) is None
    with pytest.raises(AccessError):
        world.access.choose_password(link, ANNS)
    with pytest.raises(AccessError):
        world.login("bob", BOBS)
    with pytest.raises(AccessError, match="enable them first"):
        world.accounts.make_password_link(ann, bob.user.id)
    world.accounts.enable(ann, bob.user.id)
    assert world.access.of_session(session) is None
    assert world.who(world.login("bob", BOBS)).name == "bob"


def test_the_last_admin_who_can_log_in_stays(world: World) -> None:
    ann = world.ann()
    assert ann.user is not None
    world.accounts.add_user(ann, "never-came", Role.ADMIN)

    with pytest.raises(ConflictError, match="no admin would be left"):
        world.accounts.disable(ann, ann.user.id)
    with pytest.raises(ConflictError, match="no admin would be left"):
        world.accounts.change_role(ann, ann.user.id, Role.VIEWER)
    assert world.user("ann").role is Role.ADMIN
    assert world.user("ann").disabled_at is None


def test_a_role_counts_from_the_next_request_on_and_binds_tokens_too(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann, Role.EDITOR)
    assert bob.user is not None
    session = world.login("bob", BOBS)
    token = world.accounts.create_token(bob, "ci", {Scope.READ, Scope.WRITE}, lasts=timedelta(days=1))

    world.accounts.change_role(ann, bob.user.id, Role.VIEWER)

    assert world.who(session).scopes == {Scope.READ}
    identity = world.access.of_token(token)
    assert identity is not None
    assert identity.scopes == {Scope.READ}


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_an_admin_keeps_the_accounts(world: World, role: Role) -> None:
    ann = world.ann()
    bob = world.bob(ann, role)
    assert ann.user is not None
    for refused in (
        lambda: world.accounts.users(bob),
        lambda: world.accounts.changes(bob),
        lambda: world.accounts.add_user(bob, "eve", Role.ADMIN),
        lambda: world.accounts.make_password_link(bob, ann.user.id),
        lambda: world.accounts.change_role(bob, ann.user.id, Role.VIEWER),
        lambda: world.accounts.disable(bob, ann.user.id),
        lambda: world.accounts.enable(bob, ann.user.id),
        lambda: world.accounts.users(LOCAL),
    ):
        with pytest.raises(AccessError, match="needs the right to admin"):
            refused()


def test_a_name_is_never_given_to_another_person(world: World) -> None:
    ann = world.ann()

    with pytest.raises(ConflictError, match="exists, or did"):
        world.accounts.add_user(ann, "ANN", Role.VIEWER)


@pytest.mark.parametrize("name", ["", " ", "a b", "ann!", "-ann", "a" * 65, "an\nn", "ánn", "<script>", "user:ann"])
def test_names_that_would_confuse_are_refused(world: World, name: str) -> None:
    ann = world.ann()
    with pytest.raises(ConfigError, match="will not do"):
        world.accounts.add_user(ann, name, Role.VIEWER)


def test_a_token_says_who_it_is_and_may_only_what_it_was_given(world: World) -> None:
    ann = world.ann()
    secret = world.accounts.create_token(ann, "CI", {Scope.READ}, lasts=timedelta(days=30))

    identity = world.access.of_token(secret)

    assert identity is not None
    assert (identity.by, identity.scopes, identity.user) == ("token:ci", {Scope.READ}, None)
    [token] = world.accounts.tokens(ann)
    assert secret.startswith(token.hint)
    assert len(token.hint) < 14
    assert token.last_used_at == NOW


def test_a_token_ends_when_its_time_is_over_or_it_is_revoked(world: World) -> None:
    ann = world.ann()
    short = world.accounts.create_token(ann, "short", {Scope.READ}, lasts=timedelta(days=1))
    taken_back = world.accounts.create_token(ann, "taken-back", {Scope.READ}, lasts=timedelta(days=9))
    ids = {token.name: token.id for token in world.accounts.tokens(ann)}

    assert world.accounts.revoke_token(ann, ids["taken-back"])
    assert world.access.of_token(taken_back) is None
    assert not world.accounts.revoke_token(ann, ids["taken-back"])
    world.clock.advance(timedelta(days=1) - timedelta(microseconds=1))
    assert world.access.of_token(short) is not None
    world.clock.advance(timedelta(microseconds=1))
    assert world.access.of_token(short) is None
    with pytest.raises(ConflictError, match="exists, or did"):
        world.accounts.create_token(ann, "taken-back", {Scope.READ}, lasts=timedelta(days=1))


def test_nobody_makes_a_token_that_may_more_than_they_do(world: World) -> None:
    bob = world.bob(world.ann(), Role.EDITOR)

    with pytest.raises(AccessError, match="needs the right to admin"):
        world.accounts.create_token(bob, "ci", {Scope.READ, Scope.ADMIN}, lasts=timedelta(days=1))
    with pytest.raises(AccessError, match="cannot make tokens"):
        world.accounts.create_token(LOCAL, "ci", {Scope.READ}, lasts=timedelta(days=1))
    for scopes, lasts in [
        (set(), timedelta(days=1)),
        ({Scope.READ}, timedelta(0)),
        ({Scope.READ}, 2 * MAX_TOKEN_LASTS),
    ]:
        with pytest.raises(ConfigError):
            world.accounts.create_token(bob, "ci", scopes, lasts=lasts)


def test_people_see_and_revoke_their_own_tokens_and_an_admin_all(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann)
    world.accounts.create_token(ann, "anns", {Scope.READ}, lasts=timedelta(days=1))
    world.accounts.create_token(bob, "bobs", {Scope.READ}, lasts=timedelta(days=1))
    ids = {token.name: token.id for token in world.accounts.tokens(ann)}

    assert sorted(ids) == ["anns", "bobs"]
    assert [token.name for token in world.accounts.tokens(bob)] == ["bobs"]
    assert world.accounts.tokens(LOCAL) == []
    assert not world.accounts.revoke_token(bob, ids["anns"])
    assert world.accounts.revoke_token(ann, ids["bobs"])


def test_every_change_says_who_made_it(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann, Role.VIEWER)
    assert bob.user is not None
    world.accounts.change_role(ann, bob.user.id, Role.EDITOR)
    world.accounts.create_token(bob, "ci", {Scope.READ}, lasts=timedelta(days=1))
    world.accounts.revoke_token(ann, world.accounts.tokens(bob)[0].id)
    world.access.change_password(bob, BOBS, ANNS, address=HOME)
    world.accounts.make_password_link(ann, bob.user.id)
    world.accounts.disable(ann, bob.user.id)
    world.accounts.enable(ann, bob.user.id)

    assert world.record() == [
        ("user:ann", "user enabled", "user:bob"),
        ("user:ann", "user disabled", "user:bob"),
        ("user:ann", "password link made", "user:bob"),
        ("user:bob", "password changed", "user:bob"),
        ("user:ann", "token revoked", "token:ci"),
        ("user:bob", "token made", "token:ci"),
        ("user:ann", "role changed", "user:bob"),
        ("user:bob", "logged in", "user:bob"),
        ("user:bob", "password chosen", "user:bob"),
        ("user:ann", "user added", "user:bob"),
        ("user:ann", "logged in", "user:ann"),
        ("link:set_up", "first admin made", "user:ann"),
    ]
    assert {change.at for change in world.accounts.changes(ann)} == {NOW}


def test_a_change_that_fails_leaves_no_row_in_the_record(world: World) -> None:
    ann = world.ann()
    before = world.record()

    with pytest.raises(ConflictError):
        world.accounts.add_user(ann, "ann", Role.VIEWER)

    assert world.record() == before


def test_a_password_hashed_at_other_costs_is_hashed_anew_at_the_next_login(world: World) -> None:
    world.ann()
    dearer = Access(world.store, world.clock, Passwords(PasswordHasher(**CHEAP | {"time_cost": 2})))
    before = world.user("ann").password_hash
    session = world.login("ann", ANNS)

    dearer.login("ann", ANNS, address=HOME)

    after = world.user("ann").password_hash
    assert after != before
    assert after is not None
    assert "t=2" in after
    assert world.access.of_session(session) is not None


def test_no_secret_stands_in_the_database(world: World) -> None:
    set_up = world.access.make_set_up_link()
    session = world.access.set_up(set_up, "ann", ANNS)
    ann = world.who(session)
    link = world.accounts.add_user(ann, "bob", Role.VIEWER)
    token = world.accounts.create_token(ann, "ci", {Scope.READ}, lasts=timedelta(days=1))
    with pytest.raises(AccessError):
        world.login("typed " + ANNS, "x")

    with world.database.reading() as connection:
        rows = [tuple(row) for table in account_tables.ALL for row in connection.execute(select(table))]

    stored = repr(rows)
    assert len(rows) > 8
    assert digest(token) in [cell for row in rows for cell in row]
    for secret in (set_up, session, link, token, ANNS):
        assert secret not in stored


def test_a_user_shows_no_hash_where_it_is_printed(world: World) -> None:
    world.ann()

    assert "argon2" not in repr(world.user("ann"))


def test_the_record_gives_the_newest_first_and_no_more_than_asked(world: World) -> None:
    for n in range(5):
        world.store.record(Change(at=NOW, by="x", action="did", subject=str(n)))

    assert [change.subject for change in world.store.changes(limit=2)] == ["4", "3"]


def test_the_migration_goes_down_and_up_again(world: World) -> None:
    world.ann()

    with world.database.writing() as connection:
        run_to(connection, "0001")
    with world.database.writing() as connection:
        run_to(connection, head())

    assert world.store.users() == []
    assert world.store.changes() == []


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 12"),
        ("x" * (MAX_LENGTH + 1), "more than 1000"),
        ("abababababababab", "four words"),
        ("i am ann and fine", "holds the user's name"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused_with_the_reason(password: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_password(password, "ann")
