"""What an import shows while it runs, on a terminal."""

from io import StringIO

from resile.cli.import_bar import ImportBar
from resile.cli.invocation import Invocation
from resile.cli.screen import Screen
from resile.ports.source import Progress


def shown(*progress: Progress) -> str:
    invocation = Invocation()
    invocation.err = Screen(file=StringIO(), force_terminal=True, width=120, highlight=False)
    with ImportBar(invocation) as bar:
        for one in progress:
            bar.show(one)
    return invocation.err.file.getvalue()


def test_a_wait_is_told_at_once() -> None:
    assert "Waiting for GitHub's rate limit until 14:05 UTC" in shown(
        Progress(says="waiting for GitHub's rate limit until 14:05 UTC")
    )


def test_what_is_counted_is_named_once_the_wait_is_over() -> None:
    told = shown(Progress(says="waiting"), Progress(1_200, None, "pull requests"))

    assert "Importing pull requests, 1,200 so far" in told


def test_a_short_run_shows_nothing() -> None:
    assert shown(Progress(10, 20), Progress(20, 20)) == ""
