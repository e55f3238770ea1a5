"""Names of what a forge gives none."""

import msgspec

from resile.model.change import PullRequestReported
from resile.sources.doors.naming import digest

_NOT_SAID = {"id", "recorded_at", "by"}


def named(report: PullRequestReported) -> PullRequestReported:
    """A pull request's report with an id by what it says: read once more and unchanged, it is the same."""
    said = {name: value for name, value in msgspec.structs.asdict(report).items() if name not in _NOT_SAID}
    return msgspec.structs.replace(report, id=f"read:{digest(said)}")
