"""Subscribers who are not there any more, or never were: hooks that do not answer, who left, who confirmed nothing."""

import pytest

from resile.app.subscribers import CONFIRM_PATH
from resile.model.errors import AccessError
from resile.model.time import DAY, MINUTE
from resile.testing.loopback_http import Fault, Reply

from .world import ANN, World, token_in

HOST = "198.51.100.7"


def published(world: World) -> None:
    world.updates.say(ANN, world.declare(), "customers")
    world.work()


def test_hook_that_refuses_for_an_hour_or_never_answers_counts_as_gone(world: World) -> None:
    world.subscribers.ask("webhook", f"{world.hook.address}/x", host=HOST)
    world.work()
    world.subscribers.confirm(world.hook.requests[-1].json()["confirm_url"].rpartition("/")[2])

    world.hook.fails += [Reply(status=503)] * 40
    published(world)
    world.advance(61 * MINUTE)
    assert next(iter(world.subscribers.listed())).n_bounced == 1
    world.hook.fails[:] = [Fault.DROPS]
    published(world)

    assert next(iter(world.subscribers.listed())).n_bounced == 2


def test_who_left_does_not_come_back_by_the_link_that_was_sent_before(world: World) -> None:
    one = world.subscribe("reader@example.net")
    token = token_in(world.mails("reader@example.net")[-1], CONFIRM_PATH)

    world.subscribers.leave(world.subscribers.leave_url(one.id).rpartition("/")[2])

    with pytest.raises(AccessError, match="for a day only"):
        world.subscribers.confirm(token)
    assert world.subscribers.count() == (0, 0)


def test_address_that_nobody_confirmed_is_forgotten_though_nobody_asks_again(world: World) -> None:
    world.subscribers.ask("email", "reader@example.net", host=HOST)
    world.work()
    ask_id = world.subscribers.asked(token_in(world.mails("reader@example.net")[-1], CONFIRM_PATH)).id

    world.advance(3 * DAY)
    world.work()

    assert world.subscribers._book.ask(ask_id) is None
