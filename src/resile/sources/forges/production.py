"""Which streams of a repository tell of deployments to production: what two of them tell of is counted twice."""

from collections.abc import Iterator

from resile.model.change import ChangeReport, DeploymentReported, DeploymentStatus
from resile.ports.delivery_source import DeliveryReading, ReportsRead
from resile.ports.source import Remark
from resile.sources.doors.naming import PRODUCTION


class ToProduction:
    """Listens to the streams of one repository.

    Args:
        repo: for sentences.
    """

    def __init__(self, repo: str) -> None:
        self._repo = repo
        self._streams: list[str] = []

    def heard(self, what: str, stream: Iterator[DeliveryReading]) -> Iterator[DeliveryReading]:
        """The readings of a stream, as they come."""
        for reading in stream:
            reports = reading.reports if isinstance(reading, ReportsRead) else ()
            if what not in self._streams and any(_is_to_production(report) for report in reports):
                self._streams.append(what)
            yield reading

    def remarks(self) -> Iterator[Remark]:
        """Once all are read: that something may be counted twice, and the way out."""
        if len(self._streams) > 1:
            yield Remark(
                f"{self._repo} tells of production by its {' and its '.join(self._streams)}: what both tell of is "
                "counted twice; leave one out, with --no-releases or without --run"
            )


def _is_to_production(report: ChangeReport) -> bool:
    return (
        isinstance(report, DeploymentReported)
        and report.environment == PRODUCTION
        and report.status is DeploymentStatus.SUCCEEDED
    )
