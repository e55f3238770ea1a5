"""Who keeps the accounts, and what they leave behind: the same on SQLite and PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from resile.app.access import (
    LOCAL,
    digest,
)
from resile.app.accounts import MAX_TOKEN_LASTS
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.ports.account_store import Change, Role, Scope
from resile.stores import account_tables
from resile.stores.migrate import head, run_to

from .access_world import ANNS, BOBS, HOME, NOW, World


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
