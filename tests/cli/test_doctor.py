"""`resile doctor` in the terminal: one line each, and an exit code for scripts."""

import json
from pathlib import Path

from tests.cli.terminal import Terminal

CATALOG = """\
kind: person
name: ann
---
kind: policy
name: default
steps:
- page: [person/ann]
"""


def test_what_would_fail_is_said_in_one_line_each_and_ends_with_one(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(CATALOG)
    terminal.run("apply", str(tmp_path), "--yes")

    done = terminal.run("doctor", code=1)

    lines = done.stdout.splitlines()
    assert lines[0].startswith("critical  policy default, step 1, reaches nobody now: person ann has no contact")
    assert lines[1].startswith("serious   person ann cannot be reached")
    assert lines[-1] == f"{len(lines) - 1} found, of which 1 critical."
    assert "Reading the catalog" in done.stderr


def test_json_is_one_value_and_nothing_beside_it(terminal: Terminal) -> None:
    done = terminal.run("doctor", "--json", code=1)

    told = json.loads(done.stdout)
    assert done.stderr == ""
    assert told["findings"][0]["gravity"] == "serious"
    assert told["findings"][0]["subject"] == "the catalog"
