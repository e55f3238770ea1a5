"""Subscribers ask, confirm, are told at most once, and leave; addresses that bounce are put aside."""

import socket
import sqlite3
import subprocess
import threading
from datetime import timedelta

import pytest

from resile.app.subscribers import CONFIRM_PATH, LEAVE_PATH, MAX_ASKS_OF_ADDRESS, MAX_ASKS_OF_HOST, TooManyAsksError
from resile.app.teller import LEASE
from resile.app.telling import free_the_dead
from resile.app.update_drafts import Wording
from resile.model.errors import AccessError, ConfigError
from resile.model.event import PageMoved
from resile.model.time import DAY, HOUR, MINUTE
from resile.ports.account_store import Scope
from resile.ports.telling_store import CopyState
from resile.testing.loopback_http import Reply
from resile.testing.loopback_smtp import Hitch
from resile.testing.webhook_sink import is_signed

from .world import ADDRESS, ANN, World, body_of, token_in, who

HOST = "198.51.100.7"


def published(world: World, **said: object) -> str:
    """An incident with an update for customers that was told."""
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers", said=Wording(**said))  # type: ignore[arg-type]
    world.work()
    return incident_id


def outcome(world: World, incident_id: str) -> list[tuple[str, str]]:
    """What the timeline says of the telling."""
    return [
        (event.state, event.because)
        for event in world.timeline(incident_id)
        if isinstance(event, PageMoved) and "subscribe" in event.because
    ]


def test_address_is_told_once_it_was_confirmed_and_not_before(world: World) -> None:
    world.subscribers.ask("email", "Reader@Example.net", host=HOST)
    first = published(world, text="We look.")
    (confirmation,) = world.mails("Reader@example.net")
    assert outcome(world, first) == [("handed", "nobody has subscribed")]

    world.subscribers.confirm(token_in(confirmation, CONFIRM_PATH))
    second = published(world, text="We still look.")

    told = world.mails("Reader@example.net")[1:]
    assert [body_of(mail).splitlines()[0] for mail in told] == ["We still look."]
    assert outcome(world, second) == [("handed", "1 of 1 subscribers were told")]


def test_each_gets_a_link_of_their_own_by_which_a_mail_program_leaves_with_one_click(world: World) -> None:
    for name in ("a", "b"):
        world.subscribe(f"{name}@example.net")
    published(world)
    mails = [world.mails(f"{name}@example.net")[-1] for name in ("a", "b")]

    assert mails[0]["List-Unsubscribe"] != mails[1]["List-Unsubscribe"]
    assert all(mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click" for mail in mails)
    url = mails[0]["List-Unsubscribe"].strip("<>")
    assert url.startswith(f"{ADDRESS}{LEAVE_PATH}")
    world.subscribers.leave(url.removeprefix(f"{ADDRESS}{LEAVE_PATH}"))
    world.subscribers.leave(url.removeprefix(f"{ADDRESS}{LEAVE_PATH}"))
    published(world)

    assert len(world.mails("a@example.net")) == 2
    assert len(world.mails("b@example.net")) == 3
    assert [one.address for one in world.subscribers.listed()] == ["b@example.net"]


def test_who_left_while_it_waited_is_told_nothing(world: World) -> None:
    subscriber = world.subscribe("a@example.net")
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    world.notifier.send_due()

    world.subscribers.remove(ANN, subscriber.id)
    world.work()

    assert len(world.mails("a@example.net")) == 1
    assert outcome(world, incident_id) == [("handed", "0 of 1 subscribers were told; 1 could not be")]


def test_one_hears_of_the_components_that_one_chose(world: World) -> None:
    world.subscribe("all@example.net")
    world.subscribe("search@example.net", "search")
    world.subscribe("checkout@example.net", "checkout", "search")

    published(world)

    assert [len(world.mails(f"{name}@example.net")) for name in ("all", "search", "checkout")] == [2, 1, 2]


def test_asking_answers_the_same_whether_an_address_is_known_or_not(world: World) -> None:
    world.subscribe("known@example.net")

    assert world.subscribers.ask("email", "known@example.net", host=HOST) is None
    assert world.subscribers.ask("email", "new@example.net", host=HOST) is None
    world.work()

    first, second = (world.mails(f"{name}@example.net")[-1] for name in ("known", "new"))
    assert first["Subject"] == second["Subject"]
    assert world.subscribers.confirm(token_in(first, CONFIRM_PATH)).address == "known@example.net"
    assert len(list(world.subscribers.listed())) == 1


def test_address_that_is_asked_for_too_often_gets_no_more_mail_and_who_asks_hears_the_same(world: World) -> None:
    for n in range(MAX_ASKS_OF_ADDRESS + 3):
        world.subscribers.ask("email", "victim@example.net", host=f"198.51.100.{n}")
    world.work()

    assert len(world.mails("victim@example.net")) == MAX_ASKS_OF_ADDRESS
    world.clock.advance(25 * HOUR)
    world.subscribers.ask("email", "victim@example.net", host=HOST)
    world.work()
    assert len(world.mails("victim@example.net")) == MAX_ASKS_OF_ADDRESS + 1


def test_host_that_asks_too_often_is_told_to_wait(world: World) -> None:
    for n in range(MAX_ASKS_OF_HOST):
        world.subscribers.ask("email", f"a{n}@example.net", host=HOST)

    with pytest.raises(TooManyAsksError):
        world.subscribers.ask("email", "one-more@example.net", host=HOST)
    world.subscribers.ask("email", "one-more@example.net", host="198.51.100.8")


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("email", "no address"),
        ("email", "a@b@c"),
        ("email", "a@example.net\r\nBcc: all@example.net"),
        ("webhook", "http://10.0.0.1/hook"),
        ("webhook", "https://user:secret@example.net/"),
        ("webhook", "file:///etc/passwd"),
        ("pigeon", "coop 7"),
    ],
)
def test_what_is_no_address_is_refused(world: World, channel: str, address: str) -> None:
    with pytest.raises(ConfigError):
        world.subscribers.ask(channel, address, host=HOST)


def test_links_hold_for_what_they_are_for_and_for_a_day(world: World) -> None:
    subscriber = world.subscribe("a@example.net")
    confirm = token_in(world.mails("a@example.net")[0], CONFIRM_PATH)
    leave = world.subscribers.leave_url(subscriber.id).rpartition("/")[2]

    for token in (leave, confirm[:-2], "", "x" * 300, "[]"):
        with pytest.raises(AccessError):
            world.subscribers.confirm(token)
    with pytest.raises(AccessError):
        world.subscribers.leave(confirm)
    world.clock.advance(DAY)
    with pytest.raises(AccessError, match="for a day only"):
        world.subscribers.confirm(confirm)


def test_hook_is_told_signed_and_confirms_as_people_do(world: World) -> None:
    world.subscribers.ask("webhook", f"{world.hook.address}/status", host=HOST)
    world.work()
    asked = world.hook.requests[-1].json()
    assert asked["type"] == "status.confirm"
    world.subscribers.confirm(asked["confirm_url"].rpartition("/")[2])

    published(world, text="We look.")

    webhook = world.outside.channels["webhook"]
    request = world.hook.requests[-1]
    told = request.json()
    assert is_signed(request, webhook.secret_for(f"{world.hook.address}/status").get_secret_value())  # type: ignore[attr-defined]
    assert (told["type"], told["text"]) == ("status.update", "We look.")
    assert told["update"]["components"] == {"checkout": "major_outage"}
    assert told["update"]["next_update_by"] == "2026-03-04T12:30:00Z"
    world.subscribers.leave(told["leave_url"].rpartition("/")[2])
    assert world.subscribers.count() == (0, 0)


def test_address_that_is_refused_three_times_in_a_row_is_put_aside_with_the_reason(world: World) -> None:
    world.subscribe("gone@example.net")
    world.subscribe("fine@example.net")
    world.mail.refuses["gone@example.net"] = "550 5.1.1 no such mailbox"
    incidents = [published(world) for _ in range(3)]

    (gone,) = [one for one in world.subscribers.listed() if one.address == "gone@example.net"]

    assert (gone.n_bounced, gone.is_told) == (3, False)
    assert "550" in gone.because
    assert "gone@" not in gone.because
    assert outcome(world, incidents[0])[0][1] == "1 of 2 subscribers were told; 1 could not be"
    assert outcome(world, published(world))[0][1] == "1 of 1 subscribers were told"
    assert world.subscribers.count() == (1, 1)
    del world.mail.refuses["gone@example.net"]
    assert world.subscribe("gone@example.net").is_told


def test_what_arrives_between_two_refusals_counts_anew(world: World) -> None:
    world.subscribe("full@example.net")
    for refusal in ("552 5.2.2 full", "552 5.2.2 full", None, "552 5.2.2 full", "552 5.2.2 full"):
        world.mail.refuses = {} if refusal is None else {"full@example.net": refusal}
        published(world)

    (one,) = world.subscribers.listed()

    assert (one.n_bounced, one.is_told) == (2, True)


def test_hook_that_is_gone_is_put_aside(world: World) -> None:
    world.subscribers.ask("webhook", f"{world.hook.address}/x", host=HOST)
    world.work()
    world.subscribers.confirm(world.hook.requests[-1].json()["confirm_url"].rpartition("/")[2])
    for status in (410, 404, 410):
        world.hook.fails.append(Reply(status=status))
        published(world)

    assert world.subscribers.count() == (0, 1)


def test_many_go_through_one_connection_also_where_some_are_refused(world: World) -> None:
    for n in range(15):
        world.subscribe(f"a{n}@example.net")
    world.mail.refuses = {f"a{n}@example.net": "550 5.1.1 unknown" for n in range(0, 15, 3)}
    n_before = world.mail.n_dialogues

    incident_id = published(world)

    assert world.mail.n_dialogues - n_before == 1
    assert outcome(world, incident_id)[0][1] == "10 of 15 subscribers were told; 5 could not be"


def test_server_that_is_away_is_waited_for_and_nobody_is_told_twice(world: World) -> None:
    for n in range(3):
        world.subscribe(f"a{n}@example.net")
    world.mail.fails["RCPT"] = "451 4.3.0 later"
    incident_id = published(world)
    assert outcome(world, incident_id) == []

    del world.mail.fails["RCPT"]
    world.advance(2 * MINUTE)

    assert [len(world.mails(f"a{n}@example.net")) for n in range(3)] == [2, 2, 2]
    assert outcome(world, incident_id) == [("handed", "3 of 3 subscribers were told")]


def test_what_is_refused_for_an_hour_is_given_up_without_counting_as_a_bounce(world: World) -> None:
    world.subscribe("a@example.net")
    world.mail.fails["MAIL"] = "451 4.3.0 later"
    incident_id = published(world)

    world.advance(61 * MINUTE)

    assert outcome(world, incident_id) == [("handed", "0 of 1 subscribers were told; 1 could not be")]
    assert next(iter(world.subscribers.listed())).n_bounced == 0


def test_gap_is_told_and_nobody_is_told_again(world: World) -> None:
    for n in range(3):
        world.subscribe(f"a{n}@example.net")
    world.mail.fails["BODY"] = Hitch.DROPS
    incident_id = published(world)
    del world.mail.fails["BODY"]

    world.advance(5 * MINUTE)

    assert outcome(world, incident_id) == [
        ("uncertain", "0 of 3 subscribers were told; of 3 nobody knows, and they are not told again")
    ]
    assert len(world.mail.arrived) == 3 + 3


def test_what_was_leaving_when_its_process_died_is_a_gap_and_the_rest_goes_on(world: World) -> None:
    for n in range(3):
        world.subscribe(f"a{n}@example.net")
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    world.notifier.send_due()
    store, now = world.parts.tellings, world.clock.now()
    dead = store.claim("email", now=now, until=now + LEASE, by="elsewhere:1:x", limit=2)
    assert store.begin(dead[0], done=None, most_bounces=3, now=now)

    world.work()
    assert len(world.mail.taken) == 3 + 1
    assert outcome(world, incident_id) == []
    world.advance(LEASE)

    assert len(world.mail.taken) == 3 + 2
    assert outcome(world, incident_id) == [
        ("uncertain", "2 of 3 subscribers were told; of 1 nobody knows, and they are not told again")
    ]


def test_leases_of_a_dead_process_of_this_machine_end_when_another_begins(world: World) -> None:
    world.subscribe("a@example.net")
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    world.notifier.send_due()
    store, now = world.parts.tellings, world.clock.now()
    with subprocess.Popen(["/bin/true"]) as gone:
        pid = gone.pid
    (copy,) = store.claim("email", now=now, until=now + LEASE, by=f"{socket.gethostname()}:{pid}:x:1", limit=1)
    assert store.begin(copy, done=None, most_bounces=3, now=now)

    free_the_dead(store, world.clock)
    world.work()

    assert outcome(world, incident_id)[0][0] == "uncertain"
    assert copy.state is CopyState.QUEUED


def test_two_tellers_at_once_tell_each_address_once(world: World) -> None:
    for n in range(12):
        world.subscribe(f"a{n}@example.net")
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    world.notifier.send_due()

    def run() -> None:
        teller = world.teller()
        while teller.step("email"):
            pass

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.work()

    assert [len(world.mails(f"a{n}@example.net")) for n in range(12)] == [2] * 12
    assert outcome(world, incident_id) == [("handed", "12 of 12 subscribers were told")]


def test_subscribers_are_removed_by_who_may_write(world: World) -> None:
    subscriber = world.subscribe("a@example.net")
    reader = who("eve")
    reader = type(reader)(by=reader.by, name=reader.name, scopes=frozenset({Scope.READ}))

    with pytest.raises(AccessError):
        world.subscribers.remove(reader, subscriber.id)
    world.subscribers.remove(ANN, subscriber.id)
    with pytest.raises(ConfigError, match="there is no subscriber"):
        world.subscribers.remove(ANN, subscriber.id)


def test_addresses_are_forgotten_once_they_were_told(world: World) -> None:
    subscriber = world.subscribe("a@example.net")
    published(world)
    world.subscribers.remove(ANN, subscriber.id)
    world.advance(timedelta(minutes=1))
    path = world.resile.settings.data / "resile.db"

    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT address FROM telling_copies WHERE address <> ''").fetchall()
        assert connection.execute("SELECT count(*) FROM subscribers").fetchone() == (0,)
    connection.close()
    assert rows == []
