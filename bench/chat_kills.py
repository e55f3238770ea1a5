"""kill -9 of the server while it makes channels at Slack, at random: none is made twice, and none is missing.

    python bench/chat_kills.py [--kills 50] [--settle-s 120]

One data folder and one Slack on loopback for all kills. Before each kill some incidents are declared, something is said
in some channels, and some incidents are closed. After the last kill the server runs until nothing is to be done. Then
each incident must have one channel with one card, pinned; its timeline must tell of it once, and of each message once.
"""

import argparse
import json
import time
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field

from killing import Ground, posted
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.room_event import ChatOpened, Said
from resile.testing.callbacks import Callback
from resile.testing.loopback_slack import SIGNING_SECRET, TOKEN
from resile.testing.loopback_slack_rooms import LoopbackSlackRooms
from webhook_load import Address

N_EACH = 3
LONGEST_S = 1.5
MEMBER = "U0ANN0000"


class Done(Struct):
    """What was done, and answered."""

    incidents: list[str] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    n_answered: int = 0


def main() -> None:
    """Kill it, and look at what is there."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=50)
    asked.add_argument("--settle-s", type=float, default=120)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    rng = np.random.default_rng(given.seed)
    with ExitStack() as stack:
        slack = stack.enter_context(LoopbackSlackRooms(datetime.now(UTC)))
        run(Ground(stack), slack, given.kills, given.settle_s, rng)


def run(ground: Ground, slack: LoopbackSlackRooms, n_kills: int, settle_s: float, rng: np.random.Generator) -> None:
    """All of it."""
    slack.joins(MEMBER, "ann", "ann@example.org")
    settings = ground.folder / "resile.toml"
    settings.write_text(
        f'[chat.slack]\ntoken = "{TOKEN}"\nsigning_secret = "{SIGNING_SECRET}"\napi = "{slack.api}"\n'
        f'hooks = "{slack.address}"\nmost_an_hour = 1000\nseverities = ["SEV1"]\n'
    )
    done = Done()
    for _ in range(n_kills):
        with ground.killed() as address:
            busy(address, slack, done, rng)
            time.sleep(float(rng.uniform(0, LONGEST_S)))
    with ground.spared():
        began = time.monotonic()
        while time.monotonic() - began < settle_s and not is_settled(ground.folder, done):
            time.sleep(1.0)
    judge(ground.folder, slack, done, n_kills)


def busy(address: Address, slack: LoopbackSlackRooms, done: Done, rng: np.random.Generator) -> None:
    """Declare some incidents, close one, say something in the channels that there are."""
    for _ in range(N_EACH):
        declared = post(address, "/api/v1/incidents", {"title": "Cards are refused", "severity": "SEV1"})
        done.incidents.append(str(declared["incident_id"]))
    if rng.random() < 0.5 and len(done.incidents) > N_EACH:
        over = done.incidents[int(rng.integers(len(done.incidents) - N_EACH))]
        done.closed.add(over)
        for command in ("restore", "close"):
            post(address, f"/api/v1/incidents/{over}/commands", {"command": command}, may_fail=True)
    for channel in list(slack.channels_made.values())[-N_EACH:]:
        slack.now = datetime.now(UTC)
        event_id = f"Ev{len(done.incidents)}{channel.id}"
        url = f"http://{address[0]}:{address[1]}/chat/slack/events"
        told = slack.says(url, channel, MEMBER, f"Number {event_id}", at=slack.now, event_id=event_id)
        for _ in range(2):
            done.n_answered += send(told)


def post(address: Address, path: str, body: dict[str, Any], *, may_fail: bool = False) -> dict[str, Any]:
    """Ask the API."""
    answer = posted(f"http://{address[0]}:{address[1]}{path}", body)
    if answer is None or answer[0] // 100 != 2:
        assert may_fail, answer
        return {}
    return dict(json.loads(answer[1]))


def send(told: Callback) -> int:
    """Tell an event; 1 where it was answered 200."""
    request = urllib.request.Request(told.url, data=told.body, headers=dict(told.headers))  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status == 200)
    except (OSError, HTTPException):
        return 0


def is_settled(folder: Path, done: Done) -> bool:
    """Whether nothing is to be done any more."""
    with open_resile(load_settings(data=folder)) as resile:
        rooms = resile.chats.rooms("slack", limit=10_000)
    return len(rooms) == len(done.incidents) and all(one.due_at is None for one in rooms)


def judge(folder: Path, slack: LoopbackSlackRooms, done: Done, n_kills: int) -> None:
    """Say what is there, and end with 1 where it is not as it should be."""
    faults: list[str] = []
    n_said = n_channels = 0
    with open_resile(load_settings(data=folder)) as resile:
        for incident_id in done.incidents:
            room = resile.chats.room("slack", incident_id)
            channel = None if room is None else slack.channels_made.get(room.ref or "")
            if channel is None:
                # One that was closed first needs none.
                faults += [] if incident_id in done.closed else [f"{incident_id} has no channel"]
                continue
            n_channels += 1
            cards = [one for one in channel.messages if "metadata" in one]
            timeline = resile.timelines.read(incident_id)
            opened = [one for one in timeline if isinstance(one, ChatOpened)]
            said = [one for one in timeline if isinstance(one, Said)]
            n_said += len(said)
            if len(cards) != 1 or channel.pins != [cards[0]["ts"]]:
                faults.append(f"{incident_id} has {len(cards)} cards, {len(channel.pins)} pinned")
            if len(opened) != 1:
                faults.append(f"{incident_id} tells {len(opened)} times of its channel")
            if len({one.ref for one in said}) != len(said):
                faults.append(f"{incident_id} has a message twice")
    if len(slack.channels_made) != n_channels:
        faults.append(f"{len(slack.channels_made)} channels at Slack, {n_channels} of them known")
    print(
        f"{n_kills} kills, {len(done.incidents)} incidents, {len(slack.channels_made)} channels, "
        f"{done.n_answered} events answered (each told twice), {n_said} messages in timelines, {len(faults)} faults"
    )
    for fault in faults[:20]:
        print(f"  {fault}")
    if faults or 2 * n_said < done.n_answered:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
