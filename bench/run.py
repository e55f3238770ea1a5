"""Run the measurements, one after another, each in a process of its own, and say on what machine.

Without arguments all of them; with arguments those whose names begin so, e.g. `python bench/run.py store import`.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    """Run what was asked for; 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings of names")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    asked = parser.parse_args()

    chosen = [path for path in measurements() if not asked.names or path.stem.startswith(tuple(asked.names))]
    if asked.list:
        for path in chosen:
            print(f"{path.stem:24} {first_line(path)}")
        return 0
    if not chosen:
        print(f"bench: nothing begins with {', '.join(asked.names)}; see python bench/run.py --list", file=sys.stderr)
        return 2

    print(machine(), flush=True)
    failed = [path.stem for path in chosen if not run(path)]
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def measurements() -> list[Path]:
    """Every file here that is a program of its own."""
    return [
        path
        for path in sorted(FOLDER.glob("*.py"))
        if path.name != Path(__file__).name and 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
    ]


def first_line(path: Path) -> str:
    """What a measurement says of itself."""
    return path.read_text(encoding="utf-8").split("\n", 1)[0].strip('" ')


def run(path: Path) -> bool:
    """Run one, with its output as it comes; whether it went well."""
    print(f"\n$ python bench/{path.name}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, str(path)], cwd=FOLDER.parent, check=False).returncode
    print(f"[{path.stem}: {time.monotonic() - began:.0f} s, exit code {code}]", flush=True)
    return code == 0


def machine() -> str:
    """The machine and what runs on it, in one line; figures mean nothing without it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = models[0] if models else model
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=FOLDER.parent, capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        f"{datetime.now(UTC):%Y-%m-%d} · commit {commit or 'unknown'} · {model}, {os.cpu_count()} cores, "
        f"{memory_gib:.0f} GiB · {platform.system()} {platform.release()} · Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
