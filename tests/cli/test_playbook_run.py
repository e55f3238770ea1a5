"""Steps run from the terminal: tried without a trace, or for an incident and told there."""

from pathlib import Path

import pytest

from .terminal import Terminal

PLAYBOOK = """\
---
playbook: mine
owner: payments
inputs: {service: incident.service}
---
# Mine
## Diagnosis
```sh {name=look risk=read timeout=9s}
echo "service is $service"
```
## Mitigation
```sh {name=fix risk=change timeout=9s}
touch "$HOME/fixed"; echo fixed
```
```sh {name=wipe risk=danger timeout=9s}
touch "$HOME/wiped"
```
## Verify
```sh {name=ok risk=read timeout=9s}
test -e "$HOME/fixed"
```
"""


@pytest.fixture
def file(terminal: Terminal, tmp_path: Path) -> Path:
    settings = f'[runners.shell]\nenabled = true\nhome = "{tmp_path}"\n'
    (terminal.folder / "resile.toml").write_text(settings)
    (tmp_path / "catalog").mkdir()
    written = tmp_path / "catalog/mine.md"
    written.write_text(PLAYBOOK)
    return written


def test_a_playbook_is_tried_and_nothing_is_changed_without_a_yes(terminal: Terminal, file: Path) -> None:
    said = terminal.run("playbook", "test", str(file), "--input", "service=$(reboot)", code=1).stdout

    assert "service is $(reboot)" in said
    assert 'touch "$HOME/fixed"; echo fixed' in said
    assert "fix  not run; it changes something, and nobody is at a terminal who could say yes" in " ".join(
        said.split("\n")
    )
    assert "it is dangerous" in said
    assert "ok  failed; exit code 1" in said
    assert not (file.parents[1] / "fixed").exists()
    assert not (file.parents[1] / "wiped").exists()


def test_what_lacks_an_input_or_a_runner_says_so(terminal: Terminal, file: Path) -> None:
    said = terminal.run("playbook", "test", str(file), "--step", "look", code=1).stdout
    assert "look  not run; it needs service; give it with --input service=VALUE" in said
    (terminal.folder / "resile.toml").unlink()
    said = terminal.run("playbook", "test", str(file), "--step", "ok", code=1).stdout
    assert "the shell runner is not allowed here" in said
    assert "has no input 'servce'" in terminal.refuses("playbook", "test", str(file), "--input", "servce=x")
    assert "is not understood" in terminal.refuses("playbook", "test", str(file), "--input", "service")
    assert "has no step 'no'" in terminal.refuses("playbook", "test", str(file), "--step", "no")


def test_steps_are_run_for_an_incident_and_told_there(terminal: Terminal, file: Path) -> None:
    terminal.run("apply", str(file.parent), "--yes")
    terminal.run("incident", "declare", "it broke", "--service", "checkout")

    changed = terminal.says("playbook", "run", "mine", "--incident", "INC-1", "--step", "fix", "--by", "ann")
    looked = terminal.says("playbook", "run", "mine", "--incident", "INC-1")

    assert "fix  done\n    fixed" in changed
    assert "service is checkout" in looked
    told = terminal.json("incident", "show", "INC-1")["timeline"]
    assert [one["step"] for one in told if one["kind"] == "step_ended"] == ["fix", "look", "ok"]
    assert [one["source"] for one in told if one["kind"] == "mitigated"] == ["measured"]
    wipe = terminal.refuses("playbook", "run", "mine", "--incident", "INC-1", "--step", "wipe")
    assert "two people with accounts" in wipe
    assert not (file.parents[1] / "wiped").exists()
    assert "there is no playbook" in terminal.refuses("playbook", "run", "other")
    assert "INC-9 is not known" in terminal.refuses("playbook", "run", "mine", "--incident", "INC-9")
