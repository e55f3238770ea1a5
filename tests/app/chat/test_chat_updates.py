"""Updates from a chat go the way of all updates: for an audience, agreed to where that is wanted, once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from resile.app.access import LOCAL, Identity
from resile.app.outward_settings import UpdateSettings
from resile.model.audience import Audience
from resile.model.catalog import Kind
from resile.model.errors import TransitionError
from resile.model.room import room_of
from resile.ports.account_store import Role, Scope
from tests.app.chat.world import ANN, BOB, World, opened_world

ADMIN = Identity(by="user:ann", name="ann", scopes=frozenset(Scope))
FOR_CUSTOMERS = [UpdateSettings(audience=Audience.CUSTOMERS, agree=1, every="30m")]


@pytest.fixture
def agreeing(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    """A world in which a second person agrees to what customers are told."""
    with opened_world(fresh_data(tmp_path), updates=FOR_CUSTOMERS) as world:
        world.asks("declare SEV1 Cards are refused")
        yield world


def drafts(world: World) -> list[tuple[str, str, bool]]:
    room = room_of(world.timeline("INC-1"))
    return [(one.draft.audience, one.draft.text, one.sent is not None) for one in room.drafts.values()]


def test_an_update_is_published_for_responders_unless_it_is_said_for_whom(world: World) -> None:
    world.asks("declare SEV1 Cards are refused")

    assert world.asks("update INC-1 customers are told\nat noon") == "INC-1: the update for responders is published."
    said = world.asks("update INC-1 for=executives phase=monitoring We watch it")

    assert said == "INC-1: the update for executives is published."
    assert drafts(world) == [
        ("responders", "customers are told\nat noon", True),
        ("executives", "We watch it", True),
    ]
    room = room_of(world.timeline("INC-1"))
    assert set(room.promises) == {"responders", "executives"}
    assert room.updates[-1].status == "monitoring"
    world.step(after=timedelta(minutes=1))
    assert "Last update: We watch it" in world.channel("INC-1").card["blocks"][1]["text"]["text"]


def test_what_somebody_else_has_to_agree_to_waits_until_they_do(agreeing: World) -> None:
    world = agreeing
    said = world.asks("update INC-1 for=customers Cards are accepted again")
    draft = said.split()[2]
    assert said == (
        f"INC-1: draft {draft} for customers waits; 1 person who did not write it has to agree: "
        f"/resile update INC-1 agree {draft}"
    )
    assert drafts(world) == [("customers", "Cards are accepted again", False)]

    assert "more person has to agree" in world.asks(f"update INC-1 publish {draft}")
    assert "wrote this update" in world.asks(f"update INC-1 agree {draft}")
    assert world.asks(f"update INC-1 agree {draft}", member=BOB) == (
        f"INC-1: draft {draft} for customers may be sent: /resile update INC-1 publish {draft}"
    )
    assert world.asks(f"update INC-1 publish {draft}") == "INC-1: the update for customers is published."
    assert "was sent by" in world.asks(f"update INC-1 publish {draft}", member=BOB)
    assert drafts(world) == [("customers", "Cards are accepted again", True)]


def test_nobody_agrees_to_their_own_update_through_another_door(agreeing: World) -> None:
    world, updates = agreeing, agreeing.resile.communication.updates
    draft = world.asks("update INC-1 for=customers One").split()[2]
    with pytest.raises(TransitionError, match="wrote this update"):
        updates.agree(ADMIN, "INC-1", draft)

    own = updates.draft(ADMIN, "INC-1", "customers").id
    assert "wrote this update" in world.asks(f"update INC-1 agree {own}")

    # Bob by his account, too.
    world.app.state.accounts.add_user(ADMIN, "bob", Role.EDITOR)
    bobs = world.asks("update INC-1 for=customers Two", member=BOB).split()[2]
    bob = Identity(by="user:bob", name="bob", scopes=frozenset({Scope.READ, Scope.WRITE}))
    with pytest.raises(TransitionError, match="wrote this update"):
        updates.agree(bob, "INC-1", bobs)


def test_who_may_be_one_and_the_same_under_two_names_does_not_agree(agreeing: World) -> None:
    world, updates = agreeing, agreeing.resile.communication.updates
    drafted = Identity(by="user:b.smith", name="b.smith", scopes=frozenset({Scope.READ, Scope.WRITE}))
    one = updates.draft(drafted, "INC-1", "customers").id

    assert "user:b.smith may be one person" in world.asks(f"update INC-1 agree {one}", member=BOB)
    two = world.asks("update INC-1 for=customers Two", member=BOB).split()[2]
    for by in ("user:b.smith", "user:bob"):
        with pytest.raises(TransitionError, match="may be one person"):
            updates.agree(Identity(by=by, name=by, scopes=frozenset(Scope)), "INC-1", two)

    # Once the catalog says whose it is, everybody knows.
    carl = {(Kind.PERSON, "carl"): ({"user": "b.smith"}, "")}
    world.resile.catalog.apply(LOCAL, world.resile.catalog.changes_to(carl))
    assert "may be sent" in world.asks(f"update INC-1 agree {one}", member=BOB)


def test_a_draft_is_dropped_and_words_that_look_like_a_deed_are_words(agreeing: World) -> None:
    draft = agreeing.asks("update INC-1 for=customers Cards are accepted again").split()[2]

    assert agreeing.asks(f"update INC-1 drop {draft}") == f"INC-1: draft {draft} will not be sent."
    assert agreeing.asks("update INC-1 drop the load") == "INC-1: the update for responders is published."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("update INC-1", "write it behind the word"),
        ("update INC-1 for=customers", "write it behind the word"),
        ("update INC-1 for=all Hello", "there is no audience 'all'"),
        ("update INC-1 phase=over Hello", "'over'"),
        ("update INC-1 agree 00099", "has no draft '00099'"),
        ("note INC-1 " + "x" * 30_000, "write at most 30,000"),
    ],
)
def test_a_mistake_is_told_and_publishes_nothing(shared: World, text: str, words: str) -> None:
    assert words in shared.asks(text, member=ANN)
    assert drafts(shared) == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with opened_world(fresh_data(tmp_path_factory.mktemp("shared"))) as made:
        made.asks("declare SEV1 Cards are refused")
        yield made


def test_a_note_of_several_lines_is_kept_whole(world: World) -> None:
    world.asks("declare SEV1 Cards are refused")
    text = "\n".join(f"line {n}" for n in range(900))

    assert world.asks(f"note\nINC-1\n{text}") == "INC-1: noted."

    (note,) = room_of(world.timeline("INC-1")).notes
    assert note.wordings[0].text == text
