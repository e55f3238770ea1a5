"""`resile playbook lint`: what of playbooks would let somebody down at night, in files or in the catalog."""

from collections.abc import Collection, Iterator
from datetime import date
from functools import partial
from pathlib import Path, PurePosixPath

from msgspec import Struct

from resile.app.findings import Finding, Gravity
from resile.app.wiring import Resile
from resile.model.catalog import Kind, check_document_name
from resile.model.errors import ConfigError
from resile.model.playbook import PlaybookFault
from resile.response.playbook_lint import Surroundings, lint
from resile.sources.playbook_files import playbook_files, read_playbook

_MAX_TOLD = 3


class Linted(Struct, frozen=True, kw_only=True):
    """What is to be mended of one playbook.

    Attributes:
        file: where it stands, or the playbook's name where it stands in the catalog.
    """

    file: str
    name: str
    faults: list[PlaybookFault]

    @property
    def is_unsafe(self) -> bool:
        """Whether the catalog would not take it."""
        return any(fault.is_unsafe for fault in self.faults)


def lint_files(path: Path, *, teams: Collection[str] | None, today: date) -> list[Linted]:
    """Every playbook in a folder, or the one in a file; those with nothing to mend too.

    Args:
        teams: as in Surroundings.

    Raises:
        ConfigError: there is none, or a folder cannot be read.
    """
    if path.is_dir():
        found, root = list(playbook_files(path)), path
    elif path.exists():
        found, root = [(path.stem, path)], path.parent
    else:
        raise ConfigError(f"{path} does not exist; name a folder, a file, or a playbook of the catalog")
    if not found:
        raise ConfigError(
            f"{path} holds no playbook; a playbook is a Markdown file whose front matter says playbook: NAME"
        )
    first: dict[str, Path] = {}
    linted = []
    for name, file in found:
        around = Surroundings(today=today, teams=teams, leads_somewhere=partial(_is_there, file, root))
        faults = [*_of_name(name, file, first), *_of_file(name, file, around)]
        linted.append(Linted(file=str(file), name=name, faults=faults))
    return linted


def lint_catalog(resile: Resile, name: str | None = None) -> list[Linted]:
    """Every playbook of the catalog, or one of them.

    Raises:
        ConfigError: there is none of that name.
    """
    texts = {
        one.name: str(one.body.get("text", ""))
        for (kind, _), one in resile.catalog.versions().items()
        if kind is Kind.PLAYBOOK and one.body is not None
    }
    if name is not None and name not in texts:
        raise ConfigError(f"there is no playbook {name[:64]!r}; resile playbook list shows which there are")
    around = surroundings(resile)
    wanted = texts if name is None else {name: texts[name]}
    return [Linted(file=one, name=one, faults=lint(one, text, around)) for one, text in sorted(wanted.items())]


def surroundings(resile: Resile) -> Surroundings:
    """What playbooks of the catalog are held against."""
    names = {name for kind, name in resile.catalog.versions() if kind is Kind.PLAYBOOK}

    def leads_somewhere(link: str) -> bool:
        path = PurePosixPath(link)
        return path.suffix == ".md" and path.stem in names

    return Surroundings(
        today=resile.clock.now().date(), teams=frozenset(resile.catalog.teams()), leads_somewhere=leads_somewhere
    )


def playbook_findings(resile: Resile) -> Iterator[Finding]:
    """The same for the doctor: one finding for each playbook that has something to mend."""
    for one in lint_catalog(resile):
        if one.faults and not one.is_unsafe:  # What cannot be read is told of with the catalog.
            n_more = len(one.faults) - _MAX_TOLD
            more = f", and {n_more} more" if n_more > 0 else ""
            yield Finding(
                gravity=Gravity.MINOR,
                subject=f"playbook {one.name}",
                what="may let somebody down",
                why=", ".join(fault.what for fault in one.faults[:_MAX_TOLD]) + more,
                where=f"mend it: resile playbook lint {one.name}",
            )


def _of_name(name: str, file: Path, first: dict[str, Path]) -> Iterator[PlaybookFault]:
    try:
        check_document_name(Kind.PLAYBOOK, name)
    except ConfigError as error:
        what, _, way_out = str(error).rpartition("; ")
        yield PlaybookFault(line=1, what=what, way_out=way_out)
    if name in first:
        what = f"playbook {name!r} stands in {first[name]} too"
        yield PlaybookFault(line=1, what=what, way_out="give one of them another name")
    first.setdefault(name, file)


def _of_file(name: str, file: Path, around: Surroundings) -> list[PlaybookFault]:
    try:
        text = read_playbook(file)
    except ConfigError as error:
        # One file that cannot be read does not hide what is wrong with the others.
        what, _, way_out = str(error).removeprefix(str(file)).lstrip(" ,").rpartition("; ")
        return [PlaybookFault(line=1, what=what, way_out=way_out)]
    return lint(name, text, around)


def _is_there(file: Path, root: Path, link: str) -> bool:
    try:
        return (root / link.lstrip("/") if link.startswith("/") else file.parent / link).exists()
    except (OSError, ValueError):
        return False
