"""Subscribing, confirming and leaving on the public page, and what strangers may not."""

import re

import pytest

from resile.app.subscribers import MAX_ASKS_OF_ADDRESS
from resile.model.time import MINUTE
from resile.ports.telling_store import Copy
from resile.web.readings import BURST

from .world import Answer, StatusWorld

ADDRESS = "ann@example.org"


def ask(world: StatusWorld, fields: str = "channel=email&address=ann%40example.org", **more: str) -> Answer:
    world.look()
    return world.post("/subscribe", fields, **more)


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def sent(world: StatusWorld) -> list[Copy]:
    """The confirmations that are to go out."""
    now = world.clock.now()
    tellings = world.resile.communication.tellings
    found: list[Copy] = []
    for channel in ("email", "webhook"):
        found += tellings.claim(channel, now=now, until=now + MINUTE, by="test", limit=100)
    return found


def confirm_path(world: StatusWorld) -> str:
    (copy,) = sent(world)
    return path_of(world.resile.communication.subscribers.confirm_url(copy.subscriber_id))


def test_one_asks_confirms_and_leaves(world: StatusWorld) -> None:
    form = world.get("/subscribe").text
    shop = re.search(r'value="([a-z2-7]{12})"> Online shop', form)
    assert shop is not None
    assert ask(world, f"channel=email&address=ann%40example.org&component={shop[1]}").code == 200
    use = world.resile.communication.subscribers
    assert list(use.listed()) == []

    path = confirm_path(world)
    looked = world.get(path)
    assert "Send me updates" in looked.text
    assert list(use.listed()) == []  # a mail program followed the link
    assert "You will be told" in world.post(path).text
    (one,) = use.listed()
    assert (one.channel, one.address, one.components) == ("email", ADDRESS, ("checkout", "shop"))

    leave = path_of(use.leave_url(one.id))
    assert leave.startswith(("/subscriptions/leave/", "/leave/"))
    assert world.get(leave).code == 200
    assert len(list(use.listed())) == 1
    answer = world.post(leave, "List-Unsubscribe=One-Click")
    assert (answer.code, list(use.listed())) == (200, [])
    assert world.post(leave).code == 200  # once more changes nothing
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_short_addresses_do_the_same(world: StatusWorld) -> None:
    ask(world)
    token = confirm_path(world).rsplit("/", 1)[1]

    assert world.post(f"/confirm/{token}").code == 200
    (one,) = world.resile.communication.subscribers.listed()
    token = world.resile.communication.subscribers.leave_url(one.id).rsplit("/", 1)[1]
    assert world.post(f"/leave/{token}").code == 200


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "channel=email&address=nobody",
        "channel=carrier-pigeon&address=ann%40example.org",
        "channel=email&address=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%40x",
        "channel=webhook&address=http%3A%2F%2F127.0.0.1%3A9200%2F",
        "channel=webhook&address=file%3A%2F%2F%2Fetc%2Fpasswd",
        "channel=email&address=ann%40example.org%0d%0aBcc%3A%20all%40example.org",
        "%00=%ff%fe&channel=%00&address=%00",
    ],
)
def test_what_is_no_address_is_told_and_inert(world: StatusWorld, fields: str) -> None:
    answer = ask(world, fields)

    assert answer.code == 200
    assert 'role="alert"' in answer.text
    assert "<script" not in answer.text
    assert sent(world) == []


@pytest.mark.parametrize("path", ["/confirm/", "/leave/", "/subscriptions/confirm/x.y", "/leave/" + "a" * 5_000])
def test_link_that_is_none_leads_nowhere(world: StatusWorld, path: str) -> None:
    assert world.get(path).code == 404
    assert world.post(path).code == 404


def test_other_bodies_are_no_forms(world: StatusWorld) -> None:
    said = '{"channel": "email", "address": "ann@example.org"}'
    assert 'role="alert"' in ask(world, said, **{"content-type": "application/json"}).text
    assert ask(world, "a" * 20_001).code == 413
    assert ask(world, "&".join(f"component={n}" for n in range(100))).code == 400


def test_one_host_may_not_ask_all_day(world: StatusWorld) -> None:
    codes = [ask(world).code for _ in range(BURST)]
    assert codes == [200] * BURST

    assert ask(world).code == 429
    assert world.post("/subscribe", "channel=email&address=bob%40example.org", host="203.0.113.9").code == 200
    assert len(sent(world)) == MAX_ASKS_OF_ADDRESS + 1


def test_nobody_learns_who_subscribed(world: StatusWorld) -> None:
    first = ask(world)
    world.post(confirm_path(world))

    assert ask(world).body == first.body


def test_right_links_are_heard_however_many_leave_from_one_network(world: StatusWorld) -> None:
    ask(world)
    world.post(confirm_path(world))
    use = world.resile.communication.subscribers
    leave = path_of(use.leave_url(next(iter(use.listed())).id))

    assert [world.post(leave).code for _ in range(BURST + 5)] == [200] * (BURST + 5)
    wrong = [world.post(f"{leave}x").code for _ in range(BURST + 5)]

    assert (wrong[0], wrong[-1]) == (404, 429)
    assert world.post(leave).code == 200
