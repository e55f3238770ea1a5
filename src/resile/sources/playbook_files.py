"""Playbooks as Markdown files, byte for byte: in a folder called playbooks, or wherever the front matter says so."""

import os
from collections.abc import Iterator
from pathlib import Path

from resile.model.errors import ConfigError
from resile.model.playbook import MAX_PLAYBOOK

FOLDER = "playbooks"
MAX_MARKDOWN_FILES = 20_000
_SUFFIX = ".md"
_READ_BYTES = 4 * MAX_PLAYBOOK + 1
_HEAD_BYTES = 4_096


def playbook_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of each playbook under a folder, in the order of their paths.

    Raises:
        ConfigError: a folder or a file cannot be read, or there are too many.
    """
    n = 0
    for parent, folders, names in os.walk(folder, onerror=_closed):
        # Hidden folders are version control's.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if path.suffix.lower() != _SUFFIX or name.startswith("."):
                continue
            n += 1
            if n > MAX_MARKDOWN_FILES:
                raise ConfigError(
                    f"{folder} has more than {MAX_MARKDOWN_FILES:,} Markdown files; name a smaller folder"
                )
            if _is_playbook(path):
                yield path.stem, path


def read_playbook(path: Path) -> str:
    """The text of one file, its line endings as they are.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    body = _body(path, _READ_BYTES)
    if len(body) >= _READ_BYTES:
        raise ConfigError(f"{path} is longer than {MAX_PLAYBOOK:,} characters; split it")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: this is no UTF-8; save the file as UTF-8") from None


def _is_playbook(path: Path) -> bool:
    """Whether a Markdown file is meant for one; others, such as the README beside them, are left alone."""
    if path.parent.name == FOLDER and path.stem.lower() != "readme":
        return True
    lines = _body(path, _HEAD_BYTES).splitlines()
    if not lines or lines[0].rstrip() != b"---":
        return False
    ends = next((row for row, line in enumerate(lines[1:], 1) if line.rstrip() == b"---"), len(lines))
    return any(line.startswith(b"playbook:") for line in lines[1:ends])


def _body(path: Path, most: int) -> bytes:
    if path.exists() and not path.is_file():
        # A pipe would be waited for until somebody writes into it.
        raise ConfigError(f"{path} is no file; take it away, or call it otherwise")
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check the path") from None


def _closed(error: OSError) -> None:
    # Passed over, its playbooks would look as if somebody had taken them out.
    raise ConfigError(f"{error.filename} cannot be read ({error.strerror}); check who may") from None
