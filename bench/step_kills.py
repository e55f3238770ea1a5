"""kill -9 of the server while steps of playbooks run, at random: no step runs twice, and every one has an end.

    python bench/step_kills.py [--kills 50] [--settle-s 30]

One data folder for all kills. Two people declare incidents and tap steps, each in several incidents, and tap again
whatever was not answered. A step writes a line when it begins and another one a moment later, into a file that outlives
every kill. Some kills come while the server starts. After the last one it runs for `--settle-s`, in which leases run
out; what is left then is looked at by a clock that is a minute ahead. Then every run that was answered must be on its
timeline, each begun one must have exactly one end, no step may have written more first lines than it was begun, each
that came through must have written both lines, and no process of any step may be left.
"""

import argparse
import json
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from killing import Callers, Ground, posted
from resile.app.access import LOCAL
from resile.app.paging_engine import handlers_of
from resile.app.settings import load_settings
from resile.app.system_clock import SystemClock
from resile.app.tick import Ticker
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.room_event import StepBegan, StepEnded, StepOutcome
from webhook_load import Address

N_PEOPLE = 2
REST_S = 0.05
PLAYBOOK = """\
---
playbook: kills
match: {service: checkout}
owner: nobody
inputs: {incident: incident.id}
---
# Killed
## Mitigation
```sh {name=fix risk=change timeout=30s}
echo "begun $incident" >> "$HOME/lines"
sleep 0.4
(setsid sleep 31 &)
echo "ended $incident" >> "$HOME/lines"
```
## Verify
```sh {name=ok risk=read timeout=30s}
sleep 0.1
```
"""


class People:
    """Declare incidents and tap their steps, several a second, each until it was answered.

    Attributes:
        answered: incident and run of each tap that was answered 202.
    """

    def __init__(self) -> None:
        self.callers = Callers(self._declare_and_tap, n=N_PEOPLE, rest_s=REST_S)
        self.answered: list[tuple[str, str]] = []

    def _declare_and_tap(self) -> None:
        declared = self._until_told("/api/v1/incidents", {"title": "it broke", "services": ["checkout"]})
        if declared is None:
            return
        for step in ("fix", "ok"):
            incident_id = declared["incident_id"]
            begun = self._until_told(f"/api/v1/incidents/{incident_id}/steps/{step}/run", {"playbook": "kills"})
            if begun is not None:
                self.answered.append((incident_id, begun["run_id"]))

    def _until_told(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; None where it was refused: somebody's earlier tap, of which the answer was lost, runs still."""
        while True:
            url = self.callers.url
            answer = None if url is None else posted(url + path, body)
            if answer is not None and answer[0] // 100 == 2:
                return dict(json.loads(answer[1]))
            if (answer is not None and answer[0] in {409, 429}) or self.callers.rest():
                return None


class Found(Struct, frozen=True, kw_only=True):
    """What came of it all."""

    n_kills: int
    n_answered: int
    outcomes: dict[str, int]
    wrong: list[str]

    def __str__(self) -> str:
        told = ", ".join(f"{n} {name}" for name, n in sorted(self.outcomes.items()))
        return (
            f"step_kills: {self.n_kills} kills, {self.n_answered} taps answered, "
            f"{sum(self.outcomes.values())} runs: {told}; {len(self.wrong)} wrong"
        )


def looked_at(resile: Resile, lines: Path, answered: list[tuple[str, str]], *, n_kills: int) -> Found:
    """Whether everything is as it must be."""
    told = lines.read_text().splitlines() if lines.exists() else []
    wrong: list[str] = []
    outcomes: dict[str, int] = {}
    last = resile.timelines.next_number()
    timelines = resile.timelines.read_many([f"INC-{number}" for number in range(1, last)])
    for incident_id, timeline in timelines.items():
        begun = {event.run_id: event.step for event in timeline if isinstance(event, StepBegan)}
        ends = [event for event in timeline if isinstance(event, StepEnded)]
        wrong += [f"{incident_id}: run {one} has no end" for one in begun if one not in {end.run_id for end in ends}]
        if len(ends) != len({end.run_id for end in ends}):
            wrong.append(f"{incident_id}: a run has two ends")
        for end in ends:
            outcomes[end.outcome.value] = outcomes.get(end.outcome.value, 0) + 1
        fixes = [run_id for run_id, step in begun.items() if step == "fix"]
        n_done = sum(end.outcome is StepOutcome.DONE and end.run_id in fixes for end in ends)
        n_first, n_last = told.count(f"begun {incident_id}"), told.count(f"ended {incident_id}")
        if n_first > len(fixes) or n_last > len(fixes):
            wrong.append(f"{incident_id}: fix was begun {len(fixes)} times and ran {max(n_first, n_last)} times")
        if min(n_first, n_last) < n_done:
            wrong.append(f"{incident_id}: fix came through {n_done} times and left {min(n_first, n_last)} traces")
        for one, run_id in answered:
            if one == incident_id and run_id not in begun:
                wrong.append(f"{incident_id}: run {run_id} was answered and is not told")
    wrong += [f"process {pid} is left of a step" for pid in left_over(lines.parent)]
    return Found(n_kills=n_kills, n_answered=len(answered), outcomes=outcomes, wrong=wrong)


def left_over(home: Path) -> list[str]:
    """Processes of steps that live still: known by the folder that is their home."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"HOME={home}".encode() in environment.read_bytes().split(b"\0"):
                found.append(environment.parent.name)
        except OSError:
            continue
    return found


class Ahead:
    """A clock by which every lease has run out."""

    def now(self) -> datetime:
        """The present and a minute."""
        return SystemClock().now() + timedelta(minutes=1)


def prepared(folder: Path) -> Path:
    """A data folder with a playbook that may run; the file into which its steps write."""
    home = folder / "home"
    home.mkdir()
    (folder / "resile.toml").write_text(f'[runners.shell]\nenabled = true\nhome = "{home}"\n')
    with open_resile(load_settings(data=folder)) as resile:
        change = resile.catalog.change_to(Kind.PLAYBOOK, "kills", {"text": PLAYBOOK}, expected=None)
        assert change is not None
        resile.catalog.apply(LOCAL, [change])
    return home / "lines"


def main() -> int:
    """Kill as often as asked, then look; 1: something is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--settle-s", type=float, default=30.0, help="how long the server runs on after the last kill")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with ExitStack() as stack:
        ground = Ground(stack)
        lines = prepared(ground.folder)
        people = People()

        def ready(address: Address) -> None:
            people.callers.url = f"http://{address[0]}:{address[1]}"

        people.callers.start()
        ground.kill_at_random(
            options.kills, seed=options.seed, ready=ready, least_s=0.3, n_answered=lambda: len(people.answered)
        )
        with ground.spared() as address:
            ready(address)
            people.callers.stop()
            time.sleep(options.settle_s)
        with open_resile(load_settings(data=ground.folder), clock=Ahead()) as resile:
            while Ticker(resile.paging, resile.clock, handlers_of(resile), by="bench").tick():
                pass
            found = looked_at(resile, lines, people.answered, n_kills=options.kills)
    print(found)
    for sentence in found.wrong[:20]:
        print(f"  {sentence}")
    return 1 if found.wrong or not found.n_answered else 0


if __name__ == "__main__":
    sys.exit(main())
