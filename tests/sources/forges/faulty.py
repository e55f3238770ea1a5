"""A forge on this machine whose faults are told by what is asked, and whose answers are dated by a simulated clock."""

from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any

from msgspec.structs import replace

from resile.ports.clock import Clock
from resile.testing.loopback_forge import Asked, LoopbackForge, Reply


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer."""
    return Reply(body=body, status=status, headers=headers or {})


class FaultyForge(LoopbackForge):
    """Attributes:
    faults: parts of paths, and what to answer instead, once each.
    """

    def __init__(self, answer: Callable[[Asked], Reply], clock: Clock) -> None:
        super().__init__(answer)
        self.clock = clock
        self.faults: list[tuple[str, Reply]] = []

    def reply(self, asked: Asked) -> Reply:
        fault = next((fault for fault in self.faults if fault[0] in asked.path), None)
        if fault is None:
            answer = super().reply(asked)
        else:
            self.faults.remove(fault)
            answer = fault[1]
        return replace(answer, headers={"Date": format_datetime(self.clock.now(), usegmt=True), **answer.headers})

    def paths(self, part: str = "") -> list[str]:
        """The paths that were asked for, in order."""
        return [one.path for one in self.asked if part in one.path]
