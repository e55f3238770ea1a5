"""The runners that the settings allow, by the kind of step that they run."""

from collections.abc import Callable
from typing import Any

from resile.app.runner_settings import OWN, QuerySettings, RunnerSettings
from resile.model.playbook import RunnerKind
from resile.ports.runner import Runner, WebClient

_WEB = ("http://", "https://")
_SQLITE = "sqlite:///"


def runners_of(
    settings: RunnerSettings, *, allowed_addresses: list[str], facts: Callable[[], Any]
) -> dict[RunnerKind, Runner]:
    """Those that are allowed.

    Args:
        facts: the table of what resile knows of incidents.

    Raises:
        ConfigError: `allowed_addresses` cannot be read.
    """
    from resile.channels.http_client import HttpClient  # noqa: PLC0415 - for whoever runs something
    from resile.channels.outward import Outward  # noqa: PLC0415
    from resile.runners.http import HttpRunner  # noqa: PLC0415
    from resile.runners.query import QueryRunner  # noqa: PLC0415
    from resile.runners.shell import ShellLimits, ShellRunner  # noqa: PLC0415

    client = HttpClient(Outward(allowed_addresses))
    output_bytes = settings.output_kb * 1_024
    found: dict[RunnerKind, Runner] = {}
    if settings.shell.enabled:
        names = ("memory_mb", "cpu_s", "file_mb", "folder_mb", "open_files", "processes")
        limits = ShellLimits(output_bytes=output_bytes, **{name: getattr(settings.shell, name) for name in names})
        found[RunnerKind.SHELL] = ShellRunner(limits, path=settings.shell.path, home=settings.shell.home)
    if settings.http.enabled:
        found[RunnerKind.HTTP] = HttpRunner(client, output_bytes=output_bytes)
    asked = {name: _asked(name, one, client, facts) for name, one in settings.query.items() if one.enabled}
    if asked:
        found[RunnerKind.QUERY] = QueryRunner(asked, output_bytes=output_bytes)
    return found


def _asked(name: str, given: QuerySettings, client: WebClient, facts: Callable[[], Any]) -> Any:
    from resile.runners.databases import OwnFacts, Postgres, SqliteFile  # noqa: PLC0415 - as above
    from resile.runners.prometheus import Prometheus  # noqa: PLC0415

    if name == OWN or given.url is None:
        return OwnFacts(facts)
    url = given.url.get_secret_value()
    if url.startswith(_WEB):
        return Prometheus(client, url, token=None if given.token is None else given.token.get_secret_value())
    if url.startswith(_SQLITE):
        return SqliteFile(url.removeprefix(_SQLITE))
    return Postgres(url)
