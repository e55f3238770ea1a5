"""Two engines over one PostgreSQL make each channel once, whoever claims it."""

import threading

import pytest

from resile.app.chatting import chat_step
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.testing.loopback_slack import SIGNING_SECRET, TOKEN
from resile.testing.loopback_slack_rooms import LoopbackSlackRooms
from resile.testing.simulated_clock import SimulatedClock
from tests.app.chat.world import NOW, World, other_process

N_INCIDENTS = 12


def test_two_engines_make_each_channel_once(
    fresh_postgresql_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with LoopbackSlackRooms(NOW) as slack:
        told = {"token": TOKEN, "signing_secret": SIGNING_SECRET, "api": slack.api, "hooks": slack.address}
        settings = Settings(
            data=tmp_path_factory.mktemp("data"),
            database_url=fresh_postgresql_url,
            chat={"slack": told},  # type: ignore[arg-type]
        )
        with open_resile(settings, clock=SimulatedClock(NOW)) as resile:
            world = World(resile, slack, SimulatedClock(NOW))
            incidents = [world.declare(f"Number {n}") for n in range(N_INCIDENTS)]
            both = [world.chat, other_process(world)]

            def tend(chat: object) -> None:
                while chat_step(chat):  # type: ignore[arg-type]
                    pass

            threads = [threading.Thread(target=tend, args=(chat,)) for chat in both]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert len(slack.channels_made) == N_INCIDENTS
            assert {world.room(one).ref for one in incidents} == set(slack.channels_made)
            assert all(len(one.messages) == len(one.pins) == 1 for one in slack.channels_made.values())
            assert slack.calls["conversations.create"] == N_INCIDENTS
