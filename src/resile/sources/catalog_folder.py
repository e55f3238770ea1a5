"""The catalog as files: YAML documents in a folder, read and written."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.sources.strict_yaml import yaml_documents

MAX_FILE_BYTES = 1 << 20
MAX_FILES = 20_000
_MAX_SHOWN = 60
_SUFFIXES = {".yaml", ".yml"}
_FOLDERS = {
    Kind.PERSON: "people",
    Kind.TEAM: "teams",
    Kind.SERVICE: "services",
    Kind.SCHEDULE: "schedules",
}

Key = tuple[Kind, str]


def read_folder(folder: Path) -> dict[Key, tuple[dict[str, Any], str]]:
    """Every document under a folder: its body without kind and name, and where it stands (`teams.yaml, row 12`).

    Raises:
        ConfigError: the folder or a file cannot be read, or holds something that is no document.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ConfigError(f"catalog {folder} {what}; name a folder with YAML files")
    found: dict[Key, tuple[dict[str, Any], str]] = {}
    for path in _files(folder):
        for said, row in yaml_documents(_body(path), shown=str(path), keeps_times=True):
            if said is None:
                continue
            place = f"{path}, row {row}"
            kind, name, body = _parted(said, place)
            if (kind, name) in found:
                raise ConfigError(f"{place}: {kind} {name!r} stands in {found[kind, name][1]} too; keep one")
            found[kind, name] = body, place
    return found


def _files(folder: Path) -> Iterator[Path]:
    n = 0
    for parent, folders, names in os.walk(folder, onerror=_closed):
        # Hidden folders are version control's.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in _SUFFIXES and not name.startswith("."):
                n += 1
                if n > MAX_FILES:
                    raise ConfigError(f"catalog {folder} has more than {MAX_FILES} YAML files; name a smaller folder")
                yield Path(parent) / name


def _closed(error: OSError) -> None:
    # Passed over, its documents would look as if somebody had taken them out.
    raise ConfigError(f"{error.filename} cannot be read ({error.strerror}); check who may") from None


def _body(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check the path") from None
    if len(body) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES} bytes; split it")
    return body


def _parted(said: object, place: str) -> tuple[Kind, str, dict[str, Any]]:
    if not isinstance(said, dict):
        raise ConfigError(f"{place}: no document of the catalog; begin it with kind: and name:")
    body = {str(key): value for key, value in said.items()}
    kind, name = body.pop("kind", None), body.pop("name", None)
    if kind not in list(Kind):
        raise ConfigError(f"{place}: kind {_shown(kind)} is unknown; use one of {', '.join(Kind)}")
    if name is None or name == "":
        raise ConfigError(f"{place}: the {kind} has no name; give it one with name:")
    if not isinstance(name, str):
        # 7, no and 1.0 are words to whoever wrote them.
        raise ConfigError(f"{place}: the {kind}'s name {_shown(name)} is no text; put it between quotes")
    try:
        told: dict[str, Any] = msgspec.to_builtins(body, enc_hook=_refuse, str_keys=True)
        msgspec.json.encode(told)
    except TypeError:
        raise ConfigError(
            f"{place}: {kind} {_shown(name)} holds something that is no text or number; correct it"
        ) from None
    except UnicodeEncodeError:
        raise ConfigError(
            f"{place}: {kind} {_shown(name)} holds half a character (\\ud800 to \\udfff); write it whole"
        ) from None
    return Kind(kind), name, told


def _shown(value: object) -> str:
    """As it stands there, shortened where it is longer than anybody would read."""
    said = repr(value)
    return said if len(said) <= _MAX_SHOWN else f"{said[:_MAX_SHOWN]}..."


def _refuse(value: object) -> str:
    raise TypeError(type(value))


def yaml_of(kind: str, name: str, body: Mapping[str, Any] | None) -> str:
    """A document as it stands in a file; nothing where it is not there."""
    if body is None:
        return ""
    return yaml.safe_dump({"kind": str(kind), "name": name, **body}, sort_keys=False, allow_unicode=True, width=100)


def path_of(kind: Kind, name: str) -> Path:
    """Where a document stands in a folder that is written: `teams/payments.yaml`."""
    return Path(_FOLDERS[kind]) / f"{name}.yaml"
