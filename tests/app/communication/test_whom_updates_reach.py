"""Of what customers are told nothing, who may agree, who is reminded, and what the timeline says of it."""

import pytest

from resile.app.access import Identity
from resile.app.event_words import event_words
from resile.model.errors import TransitionError
from resile.model.event import Exclusion, Updated
from resile.model.lifecycle import Mark
from resile.model.room_event import Role, UpdateReminded
from resile.model.room_lifecycle import TakeRole
from resile.model.time import MINUTE

from .conftest import Begin
from .world import ANN, World


def test_of_noise_customers_are_told_nothing_but_that_it_is_over(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    draft = world.updates.draft(ANN, incident_id, "customers")
    world.command(incident_id, Mark(Exclusion.NOISE, "a probe"))

    with pytest.raises(TransitionError, match="marked as noise"):
        world.updates.publish(ANN, incident_id, draft.id)

    # Nothing was ever restored, for nothing was broken; what was published must not stand for ever.
    assert world.updates.say(ANN, incident_id, "customers", "resolved").sent is not None


@pytest.mark.parametrize("exclusion", [Exclusion.DRILL, Exclusion.TEST])
def test_customers_are_told_nothing_of_a_drill(world: World, exclusion: Exclusion) -> None:
    world.subscribe("reader@example.net")
    incident_id = world.declare()
    world.command(incident_id, Mark(exclusion))

    with pytest.raises(TransitionError, match="customers are told nothing"):
        world.updates.say(ANN, incident_id, "customers")
    assert world.updates.say(ANN, incident_id, "responders").sent is not None
    world.work()

    assert len(world.mails("reader@example.net")) == 1  # the confirmation


def test_nobody_is_reminded_of_what_customers_may_not_be_told(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    world.updates.say(ANN, incident_id, "responders")
    assert set(world.room(incident_id).promises) == {"customers", "responders"}
    world.command(incident_id, Mark(Exclusion.DRILL))

    world.advance(26 * MINUTE)

    assert set(world.room(incident_id).promises) == {"responders"}
    reminded = [event.audience for event in world.timeline(incident_id) if isinstance(event, UpdateReminded)]
    assert reminded == ["responders"]


def test_program_agrees_to_nothing(begin: Begin) -> None:
    world = begin(updates=[{"audience": "customers", "agree": 1}])
    incident_id = world.declare()
    draft = world.updates.draft(ANN, incident_id, "customers")
    token = Identity(by="token:of-ann", name="token:of-ann", scopes=ANN.scopes)

    with pytest.raises(TransitionError, match="a person has to agree"):
        world.updates.agree(token, incident_id, draft.id)


def test_timeline_says_for_whom_an_update_was_and_to_how_many_it_went(world: World) -> None:
    world.subscribe("all@example.net")
    world.subscribe("search@example.net", "search")
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    world.updates.say(ANN, incident_id, "responders")

    told = [event_words(event, {})[0] for event in world.timeline(incident_id) if isinstance(event, Updated)]

    # The one who hears of search alone is not told of checkout.
    assert told == ["Update for customers: investigating, sent to 1 address", "Update for responders: investigating"]


def test_who_cannot_be_reached_is_passed_over_and_not_said_to_be_reminded(world: World) -> None:
    incident_id = world.declare()
    world.command(incident_id, TakeRole(Role.LIAISON, "nobody-known"))  # type: ignore[arg-type]
    world.updates.say(ANN, incident_id, "customers")

    world.advance(26 * MINUTE)

    assert len(world.mails("ann@example.org")) == 1
    (told,) = [event for event in world.timeline(incident_id) if isinstance(event, UpdateReminded)]
    assert told.people == ("ann",)
