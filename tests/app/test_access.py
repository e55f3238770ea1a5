"""Who gets in, and who stays out: the same on SQLite and PostgreSQL."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from argon2 import PasswordHasher

from resile.app.access import (
    ATTEMPTS_WITHIN,
    IDLE_LASTS,
    LINK_LASTS,
    MAX_ATTEMPTS_HERE,
    MAX_ATTEMPTS_OF_ADDRESS,
    MAX_ATTEMPTS_UNDER_NAME,
    SESSION_LASTS,
    Access,
    TooManyAttemptsError,
)
from resile.app.passwords import MAX_LENGTH, Passwords, check_password
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.ports.account_store import Role, Scope

from .access_world import ANNS, BOBS, CHEAP, HOME, NOW, World


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


def test_addresses_of_one_ipv6_network_count_as_one(world: World) -> None:
    world.ann()
    for n in range(MAX_ATTEMPTS_HERE):
        with pytest.raises(AccessError, match="wrong"):
            world.login("ann", "wrong password", address=f"2001:db8::{n + 1}")

    with pytest.raises(TooManyAttemptsError):
        world.login("ann", ANNS, address="2001:db8::ffff:1")
    world.login("ann", ANNS, address="2001:db8:0:1::1")


def test_many_good_logins_are_no_attempts(world: World) -> None:
    world.ann()

    sessions = [world.login("ann", ANNS) for _ in range(MAX_ATTEMPTS_OF_ADDRESS + 1)]

    assert all(sessions)


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


def test_a_changed_password_ends_a_link_that_was_sent_before(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann)
    link = world.accounts.make_password_link(ann, world.user("bob").id)

    world.access.change_password(bob, BOBS, ANNS, address=HOME)

    with pytest.raises(AccessError, match="this link was used"):
        world.access.choose_password(link, "some other long words")


def test_whoever_finds_an_open_browser_cannot_guess_the_old_password(world: World) -> None:
    ann = world.ann()
    for _ in range(MAX_ATTEMPTS_HERE):
        with pytest.raises(AccessError, match="old password is wrong"):
            world.access.change_password(ann, "wrong password", BOBS, address=HOME)

    with pytest.raises(TooManyAttemptsError):
        world.access.change_password(ann, ANNS, BOBS, address=HOME)


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


@pytest.mark.parametrize("costs", [{}, {"time_cost": 2}])
def test_who_logs_in_with_a_password_that_is_changed_just_then_stays_out(world: World, costs: dict[str, int]) -> None:
    ann = world.ann()
    change = partial(world.access.change_password, ann, ANNS, BOBS, address=HOME)

    with pytest.raises(AccessError, match="log in again"):
        world.interrupted(change, **costs).login("ann", ANNS, address=HOME)

    assert [session.id for session in world.access.sessions(ann)] == [ann.session.id]
    assert world.who(world.login("ann", BOBS)).name == "ann"


def test_who_is_disabled_while_logging_in_is_not_let_in_by_being_enabled(world: World) -> None:
    ann = world.ann()
    bob = world.bob(ann)
    disable = partial(world.accounts.disable, ann, bob.user.id)

    with pytest.raises(AccessError, match="log in again"):
        world.interrupted(disable).login("bob", BOBS, address=HOME)
    world.accounts.enable(ann, bob.user.id)

    assert world.access.sessions(bob) == []


def test_of_two_who_change_one_password_at_once_the_later_is_refused(world: World) -> None:
    ann = world.ann()
    first = partial(world.access.change_password, ann, ANNS, "purple monkey dishwasher", address=HOME)

    with pytest.raises(AccessError, match="log in again"):
        world.interrupted(first).change_password(ann, ANNS, "a thief was here once", address=HOME)

    assert world.who(world.login("ann", "purple monkey dishwasher")).name == "ann"


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
