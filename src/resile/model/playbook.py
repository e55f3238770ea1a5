"""A playbook: what to look at and what to do when something fails, as people wrote it and as resile may run it."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from msgspec import Struct

from resile.model.document import DocumentBase
from resile.model.matcher import Matcher
from resile.model.room_event import Risk
from resile.model.severity import Severity

MAX_PLAYBOOK = 50_000
MAX_PLAYBOOK_STEPS = 50
MAX_INPUTS = 30
# Of one playbook; whoever mended these hears of the rest.
MAX_FAULTS = 200
MAX_STEP_BODY = 20_000
LONGEST_STEP = timedelta(hours=1)
# What a question may take where no timeout is written, beside how long what it expects has to last.
QUESTION = timedelta(seconds=30)


class SectionName(StrEnum):
    """The sections that a playbook has, in their order."""

    MEANING = "Meaning"
    IMPACT = "Impact"
    DIAGNOSIS = "Diagnosis"
    MITIGATION = "Mitigation"
    VERIFY = "Verify"
    ESCALATE = "Escalate"


class RunnerKind(StrEnum):
    """What runs a step."""

    SHELL = "shell"
    HTTP = "http"
    QUERY = "query"


class Comparison(StrEnum):
    """How a value is held against what is expected."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    EQUAL = "=="
    OTHER = "!="


class Expectation(Struct, frozen=True):
    """What a value must be, and for how long: `< 0.005 for 5m`; without a length of time it is asked once."""

    comparison: Comparison
    value: float
    lasts: timedelta = timedelta(0)

    def __str__(self) -> str:
        seconds = self.lasts // timedelta(seconds=1)
        lasts = f" for {seconds // 60}m" if seconds and seconds % 60 == 0 else f" for {seconds}s" if seconds else ""
        return f"{self.comparison} {self.value:g}{lasts}"

    def is_met_by(self, value: float) -> bool:
        """Whether a value is as expected; what is no number never is."""
        if value != value:  # noqa: PLR0124 - NaN, which would be unequal to everything
            return False
        return {
            Comparison.LESS: value < self.value,
            Comparison.AT_MOST: value <= self.value,
            Comparison.MORE: value > self.value,
            Comparison.AT_LEAST: value >= self.value,
            Comparison.EQUAL: value == self.value,
            Comparison.OTHER: value != self.value,
        }[self.comparison]


class PlaybookStep(Struct, frozen=True, kw_only=True):
    """A fenced block with a name: it can be run.

    Attributes:
        language: as the fence says it: `sh`, `bash`, `promql`, `sql`.
        body: as it stands between the fences; what is said of inputs in it is not filled in.
        rollback: name of the step that undoes it.
        expect: of a value or a status; None: it is enough that it comes through.
        attributes: what its runner wants to know besides: `source` of a query.
        line: at which its fence stands, from 1.
    """

    name: str
    section: SectionName
    runner: RunnerKind
    language: str
    body: str
    risk: Risk
    timeout: timedelta
    rollback: str | None = None
    expect: Expectation | None = None
    attributes: Mapping[str, str] = {}
    line: int = 0


class Section(Struct, frozen=True, kw_only=True):
    """One of the fixed sections: its Markdown without the heading, and the line of the heading, from 1."""

    name: SectionName
    text: str
    line: int


class Playbook(Struct, frozen=True, kw_only=True):
    """A playbook, read.

    Attributes:
        match: which alerts it is for, in the words of routes; without any it is only ever chosen by people.
        severity: which such an incident usually has; it changes nothing.
        owner: a team.
        reviewed: when somebody last read it and found it right.
        inputs: by name, where it comes from: `label.instance`, `incident.service`.
        sections: in their order in the text.
        steps: likewise.
        text: as written.
    """

    name: str
    title: str
    match: tuple[Matcher, ...] = ()
    severity: Severity | None = None
    owner: str | None = None
    reviewed: date | None = None
    inputs: Mapping[str, str] = {}
    sections: tuple[Section, ...] = ()
    steps: tuple[PlaybookStep, ...] = ()
    text: str

    def step(self, name: str) -> PlaybookStep | None:
        """The step of that name."""
        return next((step for step in self.steps if step.name == name), None)

    def section(self, name: SectionName) -> Section | None:
        """That section, where there is one."""
        return next((section for section in self.sections if section.name is name), None)


class PlaybookFault(Struct, frozen=True, kw_only=True):
    """Something about a playbook's text that has to be mended, or had better be.

    Attributes:
        line: from 1.
        is_unsafe: it cannot be taken into the catalog with that.
    """

    line: int
    what: str
    way_out: str
    is_unsafe: bool = True

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}; {self.way_out}"


class PlaybookDocument(DocumentBase, frozen=True, kw_only=True):
    """A playbook as the catalog keeps it: its text, byte for byte."""

    text: str
