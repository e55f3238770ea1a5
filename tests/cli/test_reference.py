"""docs/reference/cli.md says what the commands themselves say, no more and no less."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from resile.cli.filters import FILTERS
from resile.cli.main import app

PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"
SHARED = "[which incidents](#which-incidents)"
# Typer's own, on every command or on none.
ITS_OWN = {"--help", "-h", "--install-completion", "--show-completion"}


def commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(path), command
        return
    for name, child in children.items():
        yield from commands(child, *path, name)


COMMANDS = dict(commands(get_command(app), "resile"))


def sections() -> dict[str, str]:
    """The page's sections by heading."""
    parts = re.split(r"^#{2,3} (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(section: str) -> set[str]:
    """The option names in the first cells of a section's table."""
    cells = re.findall(r"^\| (`-.+?) \| ", section, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(--?[a-z][\w-]*)`", cell)}


def real(command: Any) -> set[str]:
    return {
        name for parameter in command.params if parameter.param_type_name == "option" for name in parameter.opts
    } - ITS_OWN


def shared() -> set[str]:
    return documented(sections()["Which incidents"])


def test_every_command_has_its_section_and_no_section_is_of_no_command() -> None:
    titles = {title for title in sections() if title.startswith("resile ")}
    groups = {name.rpartition(" ")[0] for name in COMMANDS}

    assert set(COMMANDS) - titles == set()
    assert titles - set(COMMANDS) - groups == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_of_a_command_is_documented_and_every_documented_one_exists(name: str) -> None:
    section = sections()[name]
    said = documented(section) | (shared() if SHARED in section else set())

    assert said == real(COMMANDS[name])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_sentence_of_an_options_help_stands_on_the_page(name: str) -> None:
    section = sections()[name]
    text = section + (sections()["Which incidents"] if SHARED in section else "")

    for parameter in COMMANDS[name].params:
        if parameter.name != "help" and parameter.help:
            assert parameter.help.replace("|", "/") in text


def test_the_options_before_the_command_are_documented() -> None:
    assert documented(sections()["Everywhere"]) == real(get_command(app))


def test_the_shared_options_are_those_of_all_that_ask() -> None:
    assert len(FILTERS) + 1 == len(shared()), "one of them has two names"


@pytest.mark.parametrize("line", re.findall(r"^\$ (resile .+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
def test_every_example_names_a_command_and_options_that_exist(line: str) -> None:
    used = set(re.findall(r"(?<=\s)--[a-z-]+", line))
    named = max((name for name in [*COMMANDS, "resile report"] if line.startswith(name)), key=len)
    command = COMMANDS["resile report restore" if named == "resile report" else named]

    assert used <= real(command)
