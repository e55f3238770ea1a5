"""What runs a step of a playbook: a program, a request, or a question, once each time it is told to."""

from collections.abc import Mapping
from threading import Event
from typing import Protocol

from msgspec import Struct

from resile.model.errors import ResileError
from resile.model.playbook import Expectation
from resile.model.room_event import StepOutcome

# Of what a step writes, so much more than is shown is kept on both sides of what is left out: a secret that lies across
# the edge must be seen whole, however it is encoded.
EDGE_BYTES = 16_384


class StepRefusedError(ResileError):
    """A step cannot be run as it stands; nothing was begun."""


class Work(Struct, frozen=True, kw_only=True):
    """One run of a step, as its runner is given it.

    Attributes:
        language: as the step's fence says it: `sh`, `promql`.
        body: as it stands in the playbook; nothing is filled in.
        inputs: by name. They reach a program as its environment alone.
        secrets: by name, those that the step asks for by name; they reach it as inputs do.
        timeout_s: of all of it.
        expect: of a value or a status; None: it is enough that it comes through.
        wants_value: whether a question that finds nothing has failed, though nothing is expected of its value.
        attributes: what the fence says besides.
    """

    language: str
    body: str
    inputs: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    timeout_s: float
    expect: Expectation | None = None
    wants_value: bool = False
    attributes: Mapping[str, str] = {}


class Ran(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        head, tail: how what it wrote begins and ends, secrets and all; the tail is empty where the head has all of it.
        n_output_bytes: how much it wrote.
        because: one sentence where the outcome does not say it.
        value: what a question found.
        lasted_s: by a clock that only runs forward.
    """

    outcome: StepOutcome
    exit_code: int | None = None
    head: bytes = b""
    tail: bytes = b""
    n_output_bytes: int = 0
    because: str = ""
    value: float | None = None
    lasted_s: float = 0.0


class Runner(Protocol):
    """Runs steps of one kind. Instances may be used from several threads."""

    def run(self, work: Work, stop: Event) -> Ran:
        """Run it once; takes its timeout at most, and a few seconds to end what is left of it.

        Args:
            stop: set when it is to end before.

        Raises:
            StepRefusedError: it cannot be run as it stands; nothing was begun.
        """
        ...


class WebAnswer(Protocol):
    """What came back from an address."""

    @property
    def status(self) -> int:
        """The status of HTTP."""
        ...

    @property
    def body(self) -> bytes:
        """How the body begins."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether that is all of it."""
        ...


class WebClient(Protocol):
    """Asks addresses of the web; redirects are not followed."""

    def ask(
        self,
        method: str,
        url: str,
        *,
        provider: str,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        is_typed: bool = False,
    ) -> WebAnswer:
        """Send one request; `is_typed`: the address does not come from the settings, and may not lead inside.

        Raises:
            DeliveryError: no answer came.
        """
        ...
