"""The catalog as files: YAML documents, and playbooks in Markdown, in a folder; read and written."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.model.playbook_text import playbook_named
from resile.model.strict_yaml import yaml_documents
from resile.sources.backstage import Entity, documents_of, entity_of, is_entity
from resile.sources.playbook_files import FOLDER, playbook_files, read_playbook

MAX_FILE_BYTES = 1 << 20
MAX_FILES = 20_000
MAX_TEXT = 200_000
_MAX_SHOWN = 60
_SUFFIXES = {".yaml", ".yml"}
_FOLDERS = {
    Kind.PERSON: "people",
    Kind.TEAM: "teams",
    Kind.SERVICE: "services",
    Kind.SCHEDULE: "schedules",
    Kind.POLICY: "policies",
    Kind.ROUTE: "routes",
    Kind.INHIBITION: "inhibitions",
    Kind.TEMPLATE: "templates",
    Kind.PLAYBOOK: FOLDER,
    Kind.COMPONENT: "components",
}

Key = tuple[Kind, str]


class Folder(Struct, frozen=True):
    """What a folder holds.

    Attributes:
        documents: each body without kind and name, and where it stands (`teams.yaml, row 12`).
        notes: of Backstage's entities, what was not read, one sentence each.
    """

    documents: dict[Key, tuple[dict[str, Any], str]]
    notes: list[str]


def read_folder(folder: Path, *, known: Collection[Key] = ()) -> Folder:
    """Every document under a folder, and every entity of Backstage that becomes one.

    Where both tell of the same, the document's fields hold, and those that it leaves out are Backstage's.

    Args:
        known: what the catalog holds already, which Backstage's entities may name.

    Raises:
        ConfigError: the folder or a file cannot be read, or holds something that is no document.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ConfigError(f"catalog {folder} {what}; name a folder with YAML files")
    found: dict[Key, tuple[dict[str, Any], str]] = {}
    entities: list[Entity] = []
    notes: list[str] = []
    for said, place in _said(folder):
        if is_entity(said):
            entity = entity_of(said, place, notes)
            entities += [] if entity is None else [entity]
            continue
        kind, name, body = _parted(said, place)
        if (kind, name) in found:
            raise ConfigError(f"{place}: {kind} {name!r} stands in {found[kind, name][1]} too; keep one")
        found[kind, name] = body, place
    for name, path in playbook_files(folder):
        key = Kind.PLAYBOOK, name
        if key in found:
            raise ConfigError(f"{path}: playbook {name!r} stands in {found[key][1]} too; keep one")
        found[key] = {"text": read_playbook(path)}, str(path)
    for key, (body, place) in documents_of(entities, {*found, *known}, notes).items():
        own, own_place = found.get(key, ({}, place))
        found[key] = {**body, **own}, own_place
    return Folder(found, notes)


def _said(folder: Path) -> Iterator[tuple[Any, str]]:
    for path in _files(folder):
        for said, row in yaml_documents(_body(path), shown=str(path), keeps_times=True):
            if said is not None:
                yield said, f"{path}, row {row}"


def read_text(text: str, *, shown: str) -> tuple[Kind, str, dict[str, Any]]:
    """The one document that a text holds.

    Args:
        shown: what the text is called in errors.

    Raises:
        ConfigError: it holds none, several, or something else.
    """
    if len(text) > MAX_TEXT:
        raise ConfigError(f"{shown} is longer than {MAX_TEXT} characters; shorten it")
    named = playbook_named(text)
    if named is not None:
        # A form sends \r\n, whatever was written.
        return Kind.PLAYBOOK, named, {"text": text.replace("\r\n", "\n")}
    found = [(said, row) for said, row in yaml_documents(_encoded(text), shown=shown, keeps_times=True) if said]
    if len(found) != 1:
        raise ConfigError(f"{shown} holds {len(found) or 'no'} documents; write one, which begins with kind: and name:")
    (said, row) = found[0]
    return _parted(said, f"{shown}, row {row}")


def _encoded(text: str) -> bytes:
    # What no encoding has room for, YAML refuses with its row.
    return text.replace("\r\n", "\n").encode(errors="replace")


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


def file_text(kind: str, name: str, body: Mapping[str, Any] | None) -> str:
    """A document as it stands in a file: in YAML, or a playbook as it was written; nothing where it is not there."""
    if body is None:
        return ""
    if kind == Kind.PLAYBOOK:
        return str(body.get("text", ""))
    return yaml.safe_dump({"kind": str(kind), "name": name, **body}, sort_keys=False, allow_unicode=True, width=100)


def difference(
    kind: Kind, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, n_around: int = 2
) -> list[str]:
    """From one body of a document to another, line by line, as `diff -u` has it; no lines where they are the same."""
    from difflib import unified_diff  # noqa: PLC0415 - loads when asked

    # Cut at \n alone: another way to end lines is a difference of a playbook, which is kept byte for byte.
    old, new = (file_text(kind, name, body).removesuffix("\n").split("\n") for body in (before, after))
    old, new = ([] if lines == [""] else lines for lines in (old, new))
    path = str(path_of(kind, name))
    from_file, to_file = path if before is not None else "/dev/null", path if after is not None else "/dev/null"
    return list(unified_diff(old, new, from_file, to_file, lineterm="", n=n_around))


def path_of(kind: Kind, name: str) -> Path:
    """Where a document stands in a folder that is written: `teams/payments.yaml`, `playbooks/checkout.md`."""
    return Path(_FOLDERS[kind]) / f"{name}{'.md' if kind == Kind.PLAYBOOK else '.yaml'}"
