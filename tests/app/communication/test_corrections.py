"""What was published is corrected or withdrawn, for a reason that its readers read, and told once."""

import threading

import msgspec
import pytest

from resile.app.access import Identity
from resile.app.incidents import show_incident
from resile.app.update_drafts import Wording
from resile.app.update_out import draft_out
from resile.model.errors import AccessError, TransitionError
from resile.model.event import Exclusion, Updated
from resile.model.incident import InstantName
from resile.model.lifecycle import Mark
from resile.model.room_event import UpdateDrafted, Withdrawn
from resile.model.time import HOUR, MINUTE
from resile.ports.account_store import Scope

from .conftest import Begin
from .world import ANN, BOB, CLEO, World, body_of

TEN = Wording(text="The shop is down for ten.", next_within=None)
SOME = Wording(text="The shop is slow for some.")


def published(world: World, said: Wording = TEN, audience: str = "customers") -> tuple[str, str]:
    """An incident and the draft of an update that went out."""
    incident_id = world.declare()
    known = world.updates.say(ANN, incident_id, audience, said=said)
    world.work()
    return incident_id, known.id


def subjects(world: World, address: str) -> list[str]:
    return [mail["Subject"] for mail in world.mails(address)][1:]


def test_correction_is_told_once_and_stands_in_the_place_of_the_words(world: World) -> None:
    world.subscribe("reader@example.net")
    incident_id, draft_id = published(world)
    promises = world.room(incident_id).promises

    sent = world.updates.correct(BOB, incident_id, draft_id, SOME, "It was never  down.\n", is_sent=True)
    world.work()
    world.work()

    first, correction = world.mails("reader@example.net")[1:]
    assert correction["Subject"] == f"Corrected: {first['Subject']}"
    told = body_of(correction)
    assert "The shop is slow for some." in told
    assert "This corrects what we wrote 2026-03-04 12:00 UTC: It was never down." in told.replace("\n", " ")
    room = world.room(incident_id)
    (update,) = room.updates
    assert (update.text, update.reason, update.by) == ("The shop is slow for some.", "It was never down.", "user:ann")
    shown = draft_out(room.drafts[draft_id])
    assert (shown.state, shown.text, shown.corrected_by) == ("published", "The shop is slow for some.", "user:bob")
    assert draft_out(room.drafts[sent.id]).corrects == draft_id
    assert room.promises == promises


def test_correction_promises_nothing_and_keeps_what_is_promised(world: World) -> None:
    incident_id, draft_id = published(world, Wording(text="It burns.", next_within=HOUR))
    promises = world.room(incident_id).promises

    world.updates.correct(
        ANN, incident_id, draft_id, Wording(text="It smokes.", next_within=MINUTE), "eyes", is_sent=True
    )

    assert world.room(incident_id).promises == promises


def test_correction_needs_those_whom_an_update_needs(begin: Begin) -> None:
    world = begin(updates=[{"audience": "customers", "agree": 1}])
    incident_id = world.declare()
    draft = world.updates.draft(ANN, incident_id, "customers")
    world.updates.agree(BOB, incident_id, draft.id)
    world.updates.publish(ANN, incident_id, draft.id)

    with pytest.raises(TransitionError, match="1 more person has to agree"):
        world.updates.correct(ANN, incident_id, draft.id, SOME, "wrong", is_sent=True)
    correction = world.updates.correct(ANN, incident_id, draft.id, SOME, "wrong")
    changed = world.updates.edit(ANN, incident_id, correction.id, Wording(text="It is slow."))
    assert (changed.draft.corrects, changed.draft.reason) == (correction.draft.corrects, "wrong")
    world.updates.agree(CLEO, incident_id, changed.id)

    world.updates.publish(ANN, incident_id, changed.id)

    (update,) = world.room(incident_id).updates
    assert update.text == "It is slow."


def test_of_two_corrections_of_the_same_words_the_second_is_told_of_the_first(world: World) -> None:
    incident_id, draft_id = published(world)
    late = world.updates.correct(ANN, incident_id, draft_id, Wording(text="One."), "a slip")
    world.updates.correct(BOB, incident_id, draft_id, Wording(text="Two."), "a slip", is_sent=True)

    with pytest.raises(TransitionError, match="user:bob corrected this update"):
        world.updates.publish(ANN, incident_id, late.id)
    again = world.updates.correct(ANN, incident_id, draft_id, Wording(text="Three."), "another", is_sent=True)

    assert world.room(incident_id).updates[0].text == "Three."
    assert [one.text for one in world.room(incident_id).drafts[draft_id].corrections] == ["Two.", "Three."]
    assert again.corrects == draft_id


def test_of_many_who_withdraw_at_once_one_does(world: World) -> None:
    world.subscribe("reader@example.net")
    incident_id, draft_id = published(world)
    refused: list[str] = []
    gate = threading.Barrier(6)

    def press(by: Identity) -> None:
        gate.wait()
        try:
            world.updates.retract(by, incident_id, draft_id, "wrong incident")
        except TransitionError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=press, args=(by,)) for by in (ANN, BOB) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.work()

    assert len(refused) == 5
    assert all("was withdrawn by user:" in one for one in refused)
    assert len(subjects(world, "reader@example.net")) == 2


def test_what_was_withdrawn_says_nothing_anywhere(world: World) -> None:
    world.subscribe("reader@example.net")
    incident_id, draft_id = published(world, Wording(title="hunter2 leaked", text="Log in with hunter2."))
    world.updates.correct(ANN, incident_id, draft_id, Wording(text="With hunter2, yes."), "a slip", is_sent=True)
    waiting = world.updates.correct(ANN, incident_id, draft_id, Wording(text="Or hunter22."), "a slip")
    world.work()

    known = world.updates.retract(BOB, incident_id, draft_id, "It named a password.")
    world.work()

    assert known.withdrawn is not None
    view = show_incident(world.resile, incident_id)
    assert view is not None
    assert b"hunter2" not in msgspec.json.encode(view.timeline)
    assert b"hunter2" not in msgspec.json.encode(world.updates.seen(incident_id))
    room = world.room(incident_id)
    assert (room.updates, room.drafts[waiting.id].is_waiting) == ((), False)
    subject = subjects(world, "reader@example.net")[-1]
    assert subject == "Withdrawn: what we wrote 2026-03-04 12:00 UTC"
    assert "It named a password." in body_of(world.mails("reader@example.net")[-1]).replace("\n", " ")
    with pytest.raises(TransitionError, match=r"was sent|was withdrawn|dropped"):
        world.updates.publish(ANN, incident_id, draft_id)
    with pytest.raises(TransitionError, match="was withdrawn by user:bob"):
        world.updates.correct(ANN, incident_id, draft_id, SOME, "again")


def test_earlier_wordings_of_what_was_withdrawn_are_gone_too(world: World) -> None:
    incident_id = world.declare()
    first = world.updates.draft(ANN, incident_id, "customers", said=Wording(text="Log in with hunter2."))
    second = world.updates.edit(BOB, incident_id, first.id, Wording(text="Log in with hunter2 now."))
    third = world.updates.edit(ANN, incident_id, second.id, Wording(title="hunter2", text="It is open."))
    other = world.updates.draft(ANN, incident_id, "executives", said=Wording(text="Another matter."))
    world.updates.publish(ANN, incident_id, third.id)

    world.updates.retract(BOB, incident_id, third.id, "It named a password.")

    view = show_incident(world.resile, incident_id)
    assert view is not None
    assert b"hunter2" not in msgspec.json.encode(view.timeline)
    assert b"hunter2" not in msgspec.json.encode(world.updates.seen(incident_id))
    assert world.room(incident_id).drafts[other.id].is_waiting


def test_of_what_turned_out_to_be_a_drill_customers_hear_no_other_words(world: World) -> None:
    incident_id, draft_id = published(world)
    world.command(incident_id, Mark(Exclusion.DRILL))

    with pytest.raises(TransitionError, match="withdraw what they were told"):
        world.updates.correct(ANN, incident_id, draft_id, SOME, "a drill", is_sent=True)

    assert world.updates.retract(ANN, incident_id, draft_id, "It was a drill.").withdrawn is not None


def test_those_who_were_not_told_yet_are_never_told_what_was_withdrawn(world: World) -> None:
    world.subscribe("first@example.net")
    incident_id = world.declare()
    known = world.updates.say(ANN, incident_id, "customers", said=TEN)
    world.work()
    second = world.updates.say(ANN, incident_id, "customers", said=Wording(text="All of it."))
    # The outbox was not handed over yet.
    world.updates.retract(ANN, incident_id, second.id, "untrue")
    world.subscribe("later@example.net")

    world.updates.retract(ANN, incident_id, known.id, "untrue")
    world.work()

    assert [one.split(":")[0] for one in subjects(world, "first@example.net")] == [
        "Problems with Checkout",
        "Withdrawn",
    ]
    assert subjects(world, "later@example.net") == []


def test_people_whom_the_settings_name_hear_of_it_as_well(begin: Begin) -> None:
    world = begin(updates=[{"audience": "executives", "people": ["bob"]}])
    incident_id, draft_id = published(world, TEN, "executives")
    assert world.room(incident_id).updates[0].n_told == 1

    world.updates.correct(ANN, incident_id, draft_id, SOME, "a slip", is_sent=True)
    world.updates.retract(ANN, incident_id, draft_id, "untrue")
    world.work()

    heads = [mail["Subject"].split(":")[0] for mail in world.mails("bob@example.org")]
    assert heads == ["Investigating", "Corrected", "Withdrawn"]


def test_closed_incident_takes_corrections(world: World) -> None:
    incident_id, draft_id = published(world)
    world.reach(incident_id, InstantName.RESTORED)
    world.reach(incident_id, InstantName.CLOSED)

    world.updates.correct(ANN, incident_id, draft_id, SOME, "the figures came later", is_sent=True)

    assert world.room(incident_id).updates[0].text == SOME.text


def test_nonsense_is_refused_and_changes_nothing(world: World) -> None:
    incident_id, draft_id = published(world)
    waiting = world.updates.draft(ANN, incident_id, "customers")
    before = len(world.timeline(incident_id))
    for named, said, reason, match in (
        (draft_id, SOME, " \n", "for a reason"),
        (draft_id, SOME, "x" * 501, "for a reason"),
        (draft_id, Wording(), "why", "change what is wrong"),
        (waiting.id, SOME, "why", "has published no update"),
        ("nope", SOME, "why", "has published no update"),
    ):
        with pytest.raises(TransitionError, match=match):
            world.updates.correct(ANN, incident_id, named, said, reason, is_sent=True)
    for named, reason in ((draft_id, ""), (waiting.id, "why")):
        with pytest.raises(TransitionError):
            world.updates.retract(ANN, incident_id, named, reason)
    reader = Identity(by="user:dan", name="dan", scopes=frozenset({Scope.READ}))
    with pytest.raises(AccessError):
        world.updates.retract(reader, incident_id, draft_id, "why")

    told = world.timeline(incident_id)
    assert len(told) == before
    assert not any(isinstance(event, Withdrawn) for event in told)
    assert [event.text for event in told if isinstance(event, Updated | UpdateDrafted)][:2] == [TEN.text] * 2
