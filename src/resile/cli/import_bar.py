"""What an import shows while it runs."""

from typing import TYPE_CHECKING, Self

import msgspec

from resile.cli.invocation import Invocation

if TYPE_CHECKING:  # loads only when something is imported
    from resile.ports.source import Progress

# A run that is over sooner shows no progress bar.
_QUIET_S = 2.0


class ImportShown(msgspec.Struct, frozen=True, kw_only=True):
    """How much an import says, and in which form."""

    explain: bool
    as_json: bool


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


class ImportBar:
    """A progress bar on standard error that appears once a run takes long; none where nobody looks."""

    def __init__(self, invocation: Invocation) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=invocation.err,
            transient=True,
            disable=not invocation.err.is_terminal,
        )
        self._task = self._bar.add_task("Importing", total=None)
        self._is_shown = False

    def show(self, progress: "Progress") -> None:
        """How far the reading is."""
        # What is said is shown at once: nothing else may be heard for an hour.
        if not self._is_shown and (progress.says or self._bar.get_time() - self._began_s > _QUIET_S):
            self._is_shown = True
            self._bar.start()
        if progress.says:
            # Nothing was counted; how far the reading is stays as it stands.
            self._bar.update(self._task, description=_sentence(progress.says))
            return
        is_counted = progress.unit != "bytes"
        counted = f"Importing {progress.unit}, {progress.done:,} so far" if is_counted else "Importing"
        # Each stream has a count of its own, so the time that remains is worked out from within it.
        self._bar.update(self._task, description=counted, completed=progress.done, total=progress.total)

    def __enter__(self) -> Self:
        self._began_s = self._bar.get_time()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            self._bar.stop()
