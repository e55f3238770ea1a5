"""Start the programs of programs.py."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.stores.programs", *arguments]


def output_of(*arguments: str) -> str:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return done.stdout


def said_before_kill(n_lines: int, *arguments: str) -> list[str]:
    """What a program that never ends said before it was killed, some time after its n-th line."""
    with subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = [program.stdout.readline() for _ in range(n_lines)]
        program.kill()
        said += program.stdout.readlines()
    # The last line may be cut off; what was not said was not acknowledged.
    return [line.strip() for line in said if line.endswith("\n")]
