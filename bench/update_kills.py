"""kill -9 of the server while updates go out, at random: nobody may be told twice, and what is not known is said.

    python bench/update_kills.py [--kills 50] [--subscribers 200]

One data folder for all kills. An update is published whenever the one before has been told; each goes to all
subscribers, at an SMTP server that outlives every kill. After the last kill the server runs until all is told. Then no
address may have got an update twice, and each update's timeline must say of how many nobody knows: at least as many
as got nothing, and no more than one for each connection and kill.
"""

import argparse
import re
import sys
import time
from collections import Counter
from contextlib import ExitStack

import numpy as np

from killing import RUNNING_S, Ground
from resile.app.settings import load_settings
from resile.app.telling import LANES
from resile.app.wiring import open_resile
from resile.testing.loopback_smtp import LoopbackSmtp
from subscribers import outcome, prepared, published

THINKS_S = 0.02
SETTLES_S = 120.0
_SAID = re.compile(r"([\d,]+) of ([\d,]+) subscribers were told(?:; ([\d,]+) could not be)?(?:; of ([\d,]+) nobody)?")


def numbers(said: str) -> tuple[int, int]:
    """How many were told, and of how many nobody knows."""
    found = _SAID.search(said)
    assert found is not None, said
    return int(found[1].replace(",", "")), int((found[4] or "0").replace(",", ""))


def main() -> int:
    """Kill as often as asked, then look; 1: somebody was told twice, or a gap was not told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    faults: list[str] = []
    with ExitStack() as stack:
        ground = Ground(stack)
        mail = stack.enter_context(LoopbackSmtp())
        mail.thinks_s = THINKS_S
        prepared(ground.folder, mail, options.subscribers)
        resile = stack.enter_context(open_resile(load_settings(data=ground.folder)))
        incidents = [published(resile)]
        for _ in range(options.kills):
            with ground.killed():
                time.sleep(float(rng.uniform(0.1, RUNNING_S)))
            if outcome(resile, incidents[-1]):
                incidents.append(published(resile))
        with ground.spared():
            until = time.monotonic() + SETTLES_S
            while not outcome(resile, incidents[-1]) and time.monotonic() < until:
                time.sleep(0.2)
        n_gaps = 0
        for incident_id in incidents:
            n_told, n_unknown = numbers(outcome(resile, incident_id))
            n_gaps += n_unknown
            if n_told + n_unknown != options.subscribers:
                faults.append(f"{incident_id}: {n_told} told and {n_unknown} unknown are not {options.subscribers}")
    times = Counter((one.recipient, one.message["Message-ID"]) for one in mail.taken)
    twice = [key for key, n in times.items() if n > 1]
    n_missing = len(incidents) * options.subscribers - len(times)
    print(
        f"{options.kills} kills, {len(incidents)} updates, {len(mail.taken):,} messages arrived, {len(twice)} twice; "
        f"{n_missing} never came, {n_gaps} are said to be uncertain"
    )
    faults += [f"{address} got {message} again" for address, message in twice[:20]]
    if not n_missing <= n_gaps <= options.kills * LANES["email"]:
        faults.append("the gaps that are told do not fit those that there are")
    for sentence in faults:
        print(f"  {sentence}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
