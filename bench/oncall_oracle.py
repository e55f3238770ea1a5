"""Compare on-call duty with the minute-by-minute oracle in every zone of tzdata, on schedules at random.

    python bench/oncall_oracle.py [--worlds 4] [--seed 2] [--zones Pacific/Apia Australia/Lord_Howe]

Prints the number of schedules and minutes compared and every difference; exit code 1 if there is one.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.response.test_oncall_oracle import differences
from tests.response.worlds import worlds_of, zones


def main() -> int:
    """Compare and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=4, help="schedules of each zone")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--zones", nargs="*", default=zones())
    asked = parser.parse_args()
    n_schedules = n_minutes = n_wrong = 0
    began_s = time.perf_counter()
    for zone in asked.zones:
        for world in worlds_of(zone, n=asked.worlds, seed=asked.seed):
            n_schedules += 1
            n_minutes += int((world.ends_at - world.starts_at).total_seconds() // 60)
            wrong = differences(world)
            n_wrong += bool(wrong)
            for one in wrong[:3]:
                print(f"{zone}: {one}\n  {world.schedule}\n  {world.overrides}")
    print(
        f"{n_schedules} schedules over {len(asked.zones)} zones, {n_minutes} minutes compared: "
        f"{n_wrong} schedules differ ({time.perf_counter() - began_s:.0f} s)"
    )
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
