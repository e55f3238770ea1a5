"""Paging in ten thousand simulated worlds: what is promised must hold in each.

    python bench/simulated_paging.py [--seeds 0:10000] [--store memory] [--processes 2]

Runs what anybody can run, `python -m resile.testing.simulate`, and prints its command, its figures and how long it
took. Ends with 1 if something did not hold.
"""

import argparse
import os
import subprocess
import sys
import time


def main() -> int:
    """Run the worlds; 1 if something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:10000", help="first:last, the last not included")
    parser.add_argument("--store", default="memory", help="memory, sqlite or postgresql")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()

    options = ["--seeds", asked.seeds, "--store", asked.store, "--processes", str(asked.processes)]
    command = ["-m", "resile.testing.simulate", *options]
    print(f"python {' '.join(command)}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, *command], check=False).returncode
    print(f"{time.monotonic() - began:.1f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
