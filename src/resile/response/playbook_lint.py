"""What of a playbook would let somebody down at night although it can be read: found beforehand, by line."""

import re
from collections.abc import Callable, Collection, Iterator
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from msgspec import Struct

from resile.model.playbook import MAX_FAULTS, Playbook, PlaybookFault, RunnerKind, SectionName
from resile.model.playbook_inputs import inputs_said
from resile.model.playbook_text import body_lines, examine_playbook, headings_of

REVIEWED_WITHIN = timedelta(days=180)
_SPACES = re.compile(r"[\s]+")
_NO_ANCHOR = re.compile(r"[^\w\- ]")


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a playbook is held against.

    Attributes:
        today: by which reviews are old.
        teams: those of the catalog; None: nobody knows them, and no owner is looked up.
        leads_somewhere: whether a local link, such as `redeploy.md` or `pictures/flow.png`, leads to something.
    """

    today: date
    teams: Collection[str] | None
    leads_somewhere: Callable[[str], bool]


def lint(name: str, text: str, around: Surroundings) -> list[PlaybookFault]:
    """Everything that is to be mended, by line; what is unsafe keeps the playbook out of the catalog."""
    examined = examine_playbook(name, text)
    if examined.playbook is None:
        return list(examined.faults)
    return sorted(doubts(examined.playbook, around), key=lambda fault: fault.line)[:MAX_FAULTS]


def doubts(playbook: Playbook, around: Surroundings) -> Iterator[PlaybookFault]:
    """The same of one that can be read: nothing of it is unsafe."""
    lines = body_lines(playbook.text)
    headings = list(headings_of(lines))
    yield from _of_front(playbook, around)
    yield from _of_sections(playbook, headings)
    yield from _of_verify(playbook)
    yield from _of_inputs(playbook)
    yield from _of_links(lines, {_anchor(said) for _, said, _ in headings}, around)


def _of_front(playbook: Playbook, around: Surroundings) -> Iterator[PlaybookFault]:
    if not playbook.match:
        yield _doubt(1, "it is for no alert, so that only people open it", "add match: {alertname: ...}")
    if playbook.owner is None:
        yield _doubt(1, "nobody owns it", "add owner: and the name of a team")
    elif around.teams is not None and playbook.owner not in around.teams:
        near = get_close_matches(playbook.owner, list(around.teams), n=1)
        way_out = f"did you mean {near[0]}?" if near else "add the team to the catalog, or name another"
        yield _doubt(_line(playbook, "owner"), f"its owner {playbook.owner} is no team of the catalog", way_out)
    if playbook.reviewed is None:
        yield _doubt(1, "nobody says when it was reviewed", f"read it, then add reviewed: {around.today}")
        return
    line = _line(playbook, "reviewed")
    if playbook.reviewed > around.today + timedelta(days=1):
        yield _doubt(line, f"it was reviewed on {playbook.reviewed}, which is yet to come", "mend the date")
    elif around.today - playbook.reviewed > REVIEWED_WITHIN:
        n = (around.today - playbook.reviewed).days
        what = f"it was reviewed {n} days ago, more than {REVIEWED_WITHIN.days}"
        yield _doubt(line, what, f"read it, then write reviewed: {around.today}")


def _of_sections(playbook: Playbook, headings: list[tuple[int, str, int]]) -> Iterator[PlaybookFault]:
    if not any(level == 1 for level, _, _ in headings):
        yield _doubt(1, "it has no title", "begin its text with # and what is the matter")
    known = {name.lower(): name for name in SectionName}
    for level, said, line in headings:
        if level == 2 and said.strip().lower() not in known:  # noqa: PLR2004 - ##
            near = get_close_matches(said.strip().lower(), known, n=1)
            way_out = f"did you mean ## {known[near[0]]}?" if near else "use ### below one of the sections"
            yield _doubt(line, f"## {said[:60]} is no section of a playbook", way_out)
    missing = [name for name in SectionName if playbook.section(name) is None and name is not SectionName.VERIFY]
    if missing:
        named = ", ".join(missing)
        way_out = "add it, if only to say that there is nothing" if len(missing) == 1 else "add them"
        what = f"section {named} is missing" if len(missing) == 1 else f"sections {named} are missing"
        yield _doubt(1, what, way_out)


def _of_verify(playbook: Playbook) -> Iterator[PlaybookFault]:
    section = playbook.section(SectionName.VERIFY)
    if section is None:
        yield _doubt(1, "it has no Verify, so that nobody knows when it worked", "add ## Verify with a query")
        return
    steps = [step for step in playbook.steps if step.section is SectionName.VERIFY]
    if not steps:
        what = "Verify has no step, so that the moment of mitigation is not measured"
        yield _doubt(section.line, what, 'add a block: ```query {name=ok expect="< 0.01 for 5m"}')
    for step in steps:
        if step.runner is RunnerKind.QUERY and step.expect is None:
            what = f"step {step.name!r} passes whatever it finds"
            yield _doubt(step.line, what, 'say what is expected: expect="< 0.01 for 5m"')


def _of_inputs(playbook: Playbook) -> Iterator[PlaybookFault]:
    said = {name: step for step in reversed(playbook.steps) for name in inputs_said(step)}
    for name, step in said.items():
        if name not in playbook.inputs:
            near = get_close_matches(name, playbook.inputs, n=1)
            way_out = f"did you mean ${near[0]}?" if near else "add it to inputs: in the front matter, or set it there"
            yield _doubt(step.line, f"step {step.name!r} says ${name[:40]}, which is no input", way_out)
    for name in playbook.inputs:
        if name not in said:
            yield _doubt(_line(playbook, "inputs"), f"input {name} is used by no step", "leave it out")


def _of_links(lines: list[str], anchors: Collection[str], around: Surroundings) -> Iterator[PlaybookFault]:
    for token in _inline().parse("\n".join(lines)):
        line = token.map[0] + 1 if token.map is not None else 1
        for child in token.children or ():
            target = child.attrGet("href" if child.type == "link_open" else "src")
            if child.type in {"link_open", "image"} and isinstance(target, str):
                yield from _of_link(target, line, anchors, around)


def _of_link(target: str, line: int, anchors: Collection[str], around: Surroundings) -> Iterator[PlaybookFault]:
    try:
        parts = urlsplit(target)
    except ValueError:
        yield _doubt(line, f"link {target[:80]!r} is no address", "correct it")
        return
    if parts.scheme or parts.netloc:
        return  # Of another machine: whether it answers today says little of the night.
    if not parts.path:
        if parts.fragment and unquote(parts.fragment) not in anchors:
            yield _doubt(line, f"link {target[:80]!r} leads to no heading", "correct it")
    elif not around.leads_somewhere(unquote(parts.path)):
        yield _doubt(line, f"link {target[:80]!r} leads nowhere", "correct it, or bring what it names")


def _anchor(heading: str) -> str:
    """As forges make an address of a heading."""
    return _SPACES.sub("-", _NO_ANCHOR.sub("", heading.strip().lower()))


def _line(playbook: Playbook, key: str) -> int:
    """Where a key of the front matter stands."""
    rows = enumerate(playbook.text.splitlines(), 1)
    return next((row for row, line in rows if line.startswith(f"{key}:")), 1)


def _doubt(line: int, what: str, way_out: str) -> PlaybookFault:
    return PlaybookFault(line=line, what=what, way_out=way_out, is_unsafe=False)


@cache
def _inline() -> MarkdownIt:
    return MarkdownIt("commonmark")
