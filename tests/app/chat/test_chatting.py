"""Rooms are tended by a thread of their own, which holds nobody up, not even when it is to end."""

import threading
from collections.abc import Callable
from time import monotonic

from resile.app.chatting import Chatting
from resile.testing.loopback_http import Fault
from tests.app.chat.world import World

LONGEST_S = 20.0


def awaited(is_so: Callable[[], bool]) -> bool:
    """Whether it came to be."""
    ends_at, pause = monotonic() + LONGEST_S, threading.Event()
    while not is_so() and monotonic() < ends_at:
        pause.wait(0.02)
    return is_so()


def test_what_happens_is_seen_by_itself_and_a_slack_that_hangs_holds_up_no_end(world: World) -> None:
    chatting = Chatting(world.chat, world.resile.timelines)
    chatting.start()
    try:
        incident_id = world.declare()
        assert awaited(lambda: len(world.chats(incident_id)) == 1 and world.room(incident_id).due_at is None)

        world.slack.fails = [Fault.HANGS]
        n_requests = len(world.slack.requests)
        world.asks(f"sev {incident_id} SEV2")
        assert awaited(lambda: len(world.slack.requests) > n_requests)
    finally:
        began_s = monotonic()
        chatting.stop()

    assert monotonic() - began_s < 4
    # Slack hangs up at last; what was not done is put off, and done by whoever comes next.
    world.slack.is_over.set()
    assert awaited(lambda: world.room(incident_id).n_faults == 1)
    assert awaited(lambda: not chatting._thread.is_alive())
    assert world.room(incident_id).due_at is not None
