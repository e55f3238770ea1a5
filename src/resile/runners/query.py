"""A step that asks a question and looks at the value: of Prometheus, of a database, or of resile's own facts.

With `expect="< 0.005 for 5m"` it asks again and again, until the value has been so for as long, or the time has passed;
without a length of time it asks once.
"""

from collections.abc import Mapping, Sequence
from threading import Event
from time import monotonic
from typing import Protocol

from msgspec import Struct

from resile.model.errors import DeliveryError
from resile.model.playbook import Comparison, Expectation
from resile.model.room_event import StepOutcome
from resile.ports.runner import Ran, StepRefusedError, Work
from resile.runners.kept_output import KeptOutput

# A single question; the step's own time may be far longer.
ASKS_WITHIN_S = 30.0
ASKS_EVERY_S = 5.0
MAX_ROWS = 50


class Answer(Struct, frozen=True, kw_only=True):
    """What a question found.

    Attributes:
        values: the numbers to hold against what is expected, one of each series; none: nothing was found.
        text: a table to read.
    """

    values: Sequence[float]
    text: str


class Asked(Protocol):
    """Somebody who can be asked: a Prometheus, a database."""

    def ask(self, work: Work, *, timeout_s: float, stop: Event) -> Answer:
        """Ask once.

        Raises:
            DeliveryError: no answer came, or it says that the question is wrong.
            StepRefusedError: it cannot be asked as it stands.
        """
        ...


class QueryRunner:
    """Asks whom a step names in `source`; one that names nobody asks the only one there is.

    Args:
        asked: by name, whom the settings allow to be asked.
        every_s: between two questions of one step.
    """

    def __init__(
        self, asked: Mapping[str, Asked], *, every_s: float = ASKS_EVERY_S, output_bytes: int = 16_384
    ) -> None:
        self._asked = asked
        self._every_s = every_s
        self._output_bytes = output_bytes

    def run(self, work: Work, stop: Event) -> Ran:
        """Ask until it is as expected, or the time has passed.

        Raises:
            StepRefusedError: nobody of that name may be asked, or the question cannot be asked as it stands.
        """
        asked = self._whom(work)
        holding = _Holding(work.expect)
        began = monotonic()
        ends_at = began + work.timeout_s
        told, value, because = "", None, ""
        while not stop.is_set():
            try:
                left_s = max(ends_at - monotonic(), 0.05)
                answer = asked.ask(work, timeout_s=min(ASKS_WITHIN_S, left_s), stop=stop)
                told, value = answer.text, worst(answer.values, work.expect)
                because = "it found no value" if work.wants_value and value is None else ""
                is_over = holding.is_over(answer.values, at=monotonic()) and not because
            except DeliveryError as error:
                # What was found before is old, and says nothing of now.
                told, value, because, is_over = "", None, str(error), False
                holding.broke()
            if is_over:
                return self._ran(StepOutcome.DONE, told, value, began)
            if not holding.may_yet(now=monotonic(), ends_at=ends_at, every_s=self._every_s):
                break
            stop.wait(min(self._every_s, max(ends_at - monotonic(), 0.0)))
        if stop.is_set():
            return self._ran(StepOutcome.STOPPED, told, value, began)
        lasts = work.expect is not None and bool(work.expect.lasts)
        outcome = StepOutcome.TIMED_OUT if lasts and not because else StepOutcome.FAILED
        return self._ran(outcome, told, value, began, because=because or f"it is not {work.expect}")

    def _ran(self, outcome: StepOutcome, told: str, value: float | None, began: float, *, because: str = "") -> Ran:
        kept = KeptOutput(self._output_bytes)
        kept.take(told.encode("utf-8", "replace"))
        return Ran(
            outcome=outcome,
            head=kept.head,
            tail=kept.tail,
            n_output_bytes=kept.n_bytes,
            because=because,
            value=value,
            lasted_s=monotonic() - began,
        )

    def _whom(self, work: Work) -> Asked:
        name = work.attributes.get("source", "")
        if not name and len(self._asked) == 1:
            return next(iter(self._asked.values()))
        if name not in self._asked:
            known = ", ".join(sorted(self._asked)) or "nobody"
            what = f"source={name[:40]}" if name else "a question without source=NAME"
            raise StepRefusedError(f"{what}: the settings allow {known} to be asked; see [runners.query.NAME]")
        return self._asked[name]


class _Holding:
    """For how long what is expected has held."""

    def __init__(self, expect: Expectation | None) -> None:
        self._expect = expect
        self._since: float | None = None

    def is_over(self, values: Sequence[float], *, at: float) -> bool:
        """Whether it has held for long enough; without anything expected it is enough that an answer came."""
        if self._expect is None:
            return True
        if not values or not all(self._expect.is_met_by(value) for value in values):
            self._since = None
            return False
        self._since = at if self._since is None else self._since
        return at - self._since >= self._expect.lasts.total_seconds()

    def broke(self) -> None:
        """No answer came: nobody knows whether it holds."""
        self._since = None

    def may_yet(self, *, now: float, ends_at: float, every_s: float) -> bool:
        """Whether asking on could still come to something before the time has passed."""
        if self._expect is None or not self._expect.lasts:
            return False
        since = now + every_s if self._since is None else self._since
        return since + self._expect.lasts.total_seconds() <= ends_at


def worst(values: Sequence[float], expect: Expectation | None) -> float | None:
    """The one of several values that is told: the furthest from what is expected, else the first that is not so."""
    numbers = [value for value in values if value == value]  # noqa: PLR0124 - NaN is nothing to compare with
    if not numbers:
        return None
    if len(numbers) < len(values) and expect is not None and all(map(expect.is_met_by, numbers)):
        return None  # What keeps it from passing is no number.
    if expect is not None and expect.comparison in {Comparison.LESS, Comparison.AT_MOST}:
        return max(numbers)
    if expect is not None and expect.comparison in {Comparison.MORE, Comparison.AT_LEAST}:
        return min(numbers)
    return next((one for one in numbers if expect is not None and not expect.is_met_by(one)), numbers[0])


def as_table(names: Sequence[str], rows: Sequence[Sequence[object]], *, n_more: bool = False) -> str:
    """Rows to read, one a line."""
    cells = [[*names], *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([*lines, *(["…"] if n_more else [])])


def _shown(cell: object) -> str:
    text = "" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


MAX_CELL = 200
