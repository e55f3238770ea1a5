"""Reading a playbook's text: front matter, the fixed sections, and the fenced blocks that are steps."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

from resile.model.errors import ConfigError
from resile.model.playbook import (
    MAX_FAULTS,
    MAX_PLAYBOOK,
    MAX_PLAYBOOK_STEPS,
    Playbook,
    PlaybookFault,
    PlaybookStep,
    RunnerKind,
    Section,
    SectionName,
)
from resile.model.playbook_fence import Fence, step_of
from resile.model.playbook_front import Front, front_of
from resile.model.playbook_inputs import inputs_said

_LINE_END = re.compile(r"\r\n?|\n")
# What would show a reader other words than those that run, and what no place that keeps text has room for.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff\ud800-\udfff]"
)
_SECTIONS = {name.lower(): name for name in SectionName}
_SECTION = 2  # ##
_NAMED = re.compile(r"playbook:\s*[\"']?([^\s\"'#]{1,200})")
# Front matter is a few lines.
_HEAD = 10_000
_MAX_TITLE = 200


class Examined(Struct, frozen=True):
    """A text, read: the playbook, or None where it cannot be one, and all that is wrong with it, by line."""

    playbook: Playbook | None
    faults: tuple[PlaybookFault, ...]


def parse_playbook(name: str, text: str) -> Playbook:
    """The playbook that a text tells.

    Raises:
        ConfigError: it cannot be read, or would be unsafe to keep: the first fault, with its line and the way out.
    """
    examined = examine_playbook(name, text)
    if examined.playbook is None:
        raise ConfigError(f"playbook {name!r}, {examined.faults[0]}")
    return examined.playbook


def examine_playbook(name: str, text: str) -> Examined:
    """The playbook that a text tells, and everything for which it cannot be taken."""
    hidden = _HIDDEN.search(text)
    if len(text) > MAX_PLAYBOOK:
        return Examined(None, (_fault(1, f"it is longer than {MAX_PLAYBOOK:,} characters; split it"),))
    if hidden is not None:
        line = len(_LINE_END.findall(text, 0, hidden.start())) + 1
        what = f"a character that nobody sees (U+{ord(hidden[0]):04X}) could hide what runs; take it out"
        return Examined(None, (_fault(line, what),))
    lines = _LINE_END.split(text)
    n_front = _n_front(lines)
    if n_front is None:
        what = f"it does not begin with front matter between two lines of ---; begin it with ---, playbook: {name}, ---"
        return Examined(None, (_fault(1, what),))
    front, told = front_of(name, lines[1 : n_front - 1])
    return _examined(name, text, front, [_fault(line, what) for line, what in told])


def playbook_named(text: str) -> str | None:
    """The name that a text gives itself in its front matter, however much else is wrong; None: it is no playbook."""
    lines = _LINE_END.split(text[:_HEAD])
    if lines[0].rstrip() != "---":
        return None
    ends = next((row for row, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), len(lines))
    found = next(filter(None, (_NAMED.match(line) for line in lines[1:ends])), None)
    return None if found is None else found[1]


def body_lines(text: str) -> list[str]:
    """The lines of a playbook, those of its front matter left empty, so that rows stay what they are."""
    lines = _LINE_END.split(text)
    n_front = _n_front(lines) or 0
    return [*[""] * n_front, *lines[n_front:]]


def headings_of(lines: Sequence[str]) -> Iterator[tuple[int, str, int]]:
    """Level, words and line of each heading that stands by itself, from 1."""
    return _headings(blocks_of(lines))


def blocks_of(lines: Sequence[str]) -> Sequence[Token]:
    """The blocks of the Markdown, each with the rows that it takes, as steps are found in it."""
    return _blocks().parse("\n".join(lines))


def _n_front(lines: Sequence[str]) -> int | None:
    """How many lines the front matter takes, its two fences among them; None where there is none."""
    if lines[0].rstrip() != "---":
        return None
    return next((row + 2 for row, line in enumerate(lines[1:]) if line.rstrip() == "---"), None)


def _examined(name: str, text: str, front: Front, faults: list[PlaybookFault]) -> Examined:
    reading = _Body(body_lines(text))
    reading.read()
    faults += reading.faults
    faults += _of_all(reading.steps)
    faults += _of_inputs(reading.steps, front.inputs)
    faults.sort(key=lambda fault: fault.line)
    if faults:
        return Examined(None, tuple(faults[:MAX_FAULTS]))
    playbook = Playbook(
        name=name,
        title=reading.title or name,
        match=front.match,
        severity=front.severity,
        owner=front.owner,
        reviewed=front.reviewed,
        inputs=front.inputs,
        sections=tuple(reading.sections),
        steps=tuple(reading.steps),
        text=text,
    )
    return Examined(playbook, ())


class _Body:
    """Goes through the blocks of the Markdown once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.title = ""
        self.sections: list[Section] = []
        self.steps: list[PlaybookStep] = []
        self.faults: list[PlaybookFault] = []

    def read(self) -> None:
        """Take the title, the sections and the steps."""
        tokens = blocks_of(self._lines)
        headings = list(_headings(tokens))
        self.title = next((said for level, said, _ in headings if level == 1), "")[:_MAX_TITLE]
        ends = [line for level, _, line in headings if level <= _SECTION] + [len(self._lines) + 1]
        for level, said, line in headings:
            name = _SECTIONS.get(said.strip().lower())
            if level != _SECTION or name is None:
                continue
            if any(section.name is name for section in self.sections):
                self._tell(line, f"section {name} stands there twice; make one of both")
                continue
            until = next(end for end in ends if end > line)
            text = "\n".join(self._lines[line : until - 1]).strip("\n")
            self.sections.append(Section(name=name, text=text, line=line))
        begins = {line: _SECTIONS.get(said.strip().lower()) for level, said, line in headings if level <= _SECTION}
        self._read_steps(tokens, begins)

    def _read_steps(self, tokens: Sequence[Token], begins: dict[int, SectionName | None]) -> None:
        for token in tokens:
            if token.type != "fence" or token.map is None:
                continue
            line = token.map[0] + 1
            section = next((begins[at] for at in sorted(begins, reverse=True) if at < line), None)
            try:
                step = step_of(Fence(token.info, token.content, line), section)
            except ConfigError as error:
                self._tell(line, str(error))
                continue
            if step is not None and token.level != 0:
                # There it would be shown as part of something else, without its name and its risk.
                self._tell(
                    line, f"step {step.name!r} stands within a list or a quotation; begin its lines at the margin"
                )
            elif step is not None:
                self.steps.append(step)

    def _tell(self, line: int, said: str) -> None:
        self.faults.append(_fault(line, said))


def _headings(tokens: Sequence[Token]) -> Iterator[tuple[int, str, int]]:
    for token, words in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map is not None:
            yield int(token.tag[1:]), words.content, token.map[0] + 1


def _of_all(steps: Sequence[PlaybookStep]) -> Iterator[PlaybookFault]:
    """What is wrong between steps."""
    names = {step.name for step in steps}
    first: dict[str, int] = {}
    for step in steps:
        if step.name in first:
            what = f"step {step.name!r} stands in line {first[step.name]} already; give one of them another name"
            yield _fault(step.line, what)
        first.setdefault(step.name, step.line)
        if step.rollback is not None and step.rollback == step.name:
            yield _fault(step.line, f"step {step.name!r} cannot undo itself; name the step that does, or leave it out")
        elif step.rollback is not None and step.rollback not in names:
            yield _fault(
                step.line,
                f"step {step.name!r} is undone by {step.rollback[:64]!r}, which is no step of this playbook; "
                "add that step, or leave rollback= out",
            )
    if len(steps) > MAX_PLAYBOOK_STEPS:
        what = f"{len(steps)} steps are more than {MAX_PLAYBOOK_STEPS}; split the playbook"
        yield _fault(steps[MAX_PLAYBOOK_STEPS].line, what)


def _of_inputs(steps: Sequence[PlaybookStep], inputs: Mapping[str, str]) -> Iterator[PlaybookFault]:
    """What is filled in where a question or a request says it must be known; a shell has variables of its own."""
    for step in steps:
        for name in inputs_said(step) if step.runner is not RunnerKind.SHELL else ():
            if name not in inputs:
                near = get_close_matches(name, inputs, n=1)
                hint = f"did you mean ${near[0]}?" if near else "add it to inputs: in the front matter"
                yield _fault(step.line, f"step {step.name!r} says ${name[:40]}, which is no input; {hint}")


def _fault(line: int, said: str) -> PlaybookFault:
    what, _, way_out = said.rpartition("; ")
    return PlaybookFault(line=line, what=what or said, way_out=way_out if what else "correct it")


@cache
def _blocks() -> MarkdownIt:
    """Blocks only: what stands in a line is nothing that runs. The page shows the text by the same reader."""
    return MarkdownIt("commonmark").disable("inline")
