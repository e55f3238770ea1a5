"""An incident that is talked through in Slack, from its declaration to its end."""

from datetime import timedelta

from resile.channels.slack_room_card import ACKNOWLEDGE, COMMAND, MITIGATED, RESTORED
from resile.model.event import Acknowledged, Closed, Mitigated, Restored, SeverityChanged
from resile.model.room_event import ChatClosed, ChatOpened, RoleTaken
from resile.model.severity import Severity
from resile.testing.loopback_slack_rooms import BOT
from tests.app.chat.world import ANN, BOB, World

MINUTE = timedelta(minutes=1)


def test_an_incident_is_talked_through_in_its_channel_from_its_declaration_to_its_end(world: World) -> None:
    said = world.asks("page SEV2 service=checkout Cards are refused")
    assert said == "INC-1 is declared; who is on call is paged. Its channel is being made."

    world.step()
    channel = world.channel("INC-1")
    assert channel.name == "inc-1-cards-are-refused"
    assert channel.purpose == "Incident INC-1, https://resile.example.org/incidents/INC-1"
    assert channel.topic == "SEV2 · Cards are refused"
    assert channel.pins == [channel.card["ts"]]
    assert channel.members == [BOT, BOB]
    (opened,) = [one for one in world.timeline("INC-1") if isinstance(one, ChatOpened)]
    assert (opened.channel, opened.ref, opened.name) == ("slack", channel.id, "#inc-1-cards-are-refused")
    assert opened.url == f"https://loopback.slack.com/archives/{channel.id}"

    world.says("INC-1", BOB, f"It is the new release, <@{ANN}> &amp; me look")
    world.step(after=MINUTE)
    assert world.said("INC-1") == [("bob", "It is the new release, @ann & me look")]

    assert world.asks("sev SEV1", channel=channel.id) == "INC-1 is SEV1."
    assert world.taps("INC-1", ACKNOWLEDGE) == "You took INC-1. Nobody else is paged for it."
    assert world.taps("INC-1", COMMAND) == "INC-1: you are commander."
    world.step(after=MINUTE)
    assert channel.topic == "SEV1 · Cards are refused · commander: ann"
    assert channel.members == [BOT, BOB, ANN]
    assert "Taken by: ann" in channel.card["blocks"][1]["text"]["text"]

    assert world.taps("INC-1", MITIGATED, member=BOB) == "INC-1 is mitigated."
    world.step(after=MINUTE)
    assert world.taps("INC-1", RESTORED) == "INC-1 is restored."
    world.step(after=MINUTE)
    assert channel.card["text"] == "INC-1 Cards are refused: The service is restored."

    assert world.asks("closed", channel=channel.id) == "INC-1 is closed."
    world.step(after=MINUTE)
    assert channel.is_archived
    assert not world.chats("INC-1")[0].is_open
    kinds = [type(one) for one in world.timeline("INC-1")]
    wanted = [SeverityChanged, Acknowledged, RoleTaken, Mitigated, Restored, Closed, ChatClosed]
    assert [kind for kind in kinds if kind in wanted] == wanted
    assert {one.by for one in world.timeline("INC-1") if isinstance(one, Mitigated)} == {"person:bob"}


def test_a_reopened_incident_goes_on_in_another_channel_where_slack_leaves_the_first_archived(world: World) -> None:
    incident_id = world.declare()
    world.step()
    first = world.channel(incident_id)
    world.asks(f"restored {incident_id}")
    world.asks(f"closed {incident_id}")
    world.step(after=MINUTE)
    assert first.is_archived

    assert world.asks(f"reopen {incident_id} It fails again") == f"{incident_id} is open again."
    world.step(after=MINUTE)

    second = world.channel(incident_id)
    assert second.name == "inc-1-cards-are-refused-2"
    assert [chat.is_open for chat in world.chats(incident_id)] == [False, True]


def test_an_incident_that_grows_worse_gets_its_channel_then(world: World) -> None:
    incident_id = world.declare(severity=Severity.SEV4)
    world.step()
    assert world.slack.channels_made == {}

    world.asks(f"sev {incident_id} SEV1")
    world.step(after=MINUTE)

    assert world.channel(incident_id).name == "inc-1-cards-are-refused"
