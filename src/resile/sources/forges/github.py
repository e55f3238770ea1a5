"""GitHub by its REST API, github.com or GitHub Enterprise: pull requests, deployments, runs, releases, incidents."""

from collections.abc import Generator, Iterator
from urllib.parse import quote

from resile.model.errors import ConfigError
from resile.ports.clock import SleepingClock
from resile.ports.delivery_source import Cursors, DeliveryKind, DeliveryOptions, DeliveryReading, Unused
from resile.ports.source import Place, Progress, Remark
from resile.sources.doors.github_objects import PUBLIC_HOST
from resile.sources.doors.naming import Told
from resile.sources.forges.address import Target, target_of
from resile.sources.forges.asked import door_options
from resile.sources.forges.client import Answer, ForgeClient, Manners, WithheldError
from resile.sources.forges.github_commits import GitHubCommits
from resile.sources.forges.github_deployments import GitHubDeployed
from resile.sources.forges.github_issues import GitHubIncidents
from resile.sources.forges.github_pulls import GitHubPulls
from resile.sources.forges.github_repository import Repository
from resile.sources.forges.production import ToProduction
from resile.sources.forges.reading import if_fit, if_granted, items_of, until_limited
from resile.sources.forges.rest import RestNode

BY = "import:github"
_PAGE = {"per_page": "100"}
_NOT_FOUND = 404
_MANNERS = Manners(
    title="GitHub",
    token_header=lambda token: ("authorization", f"Bearer {token}"),
    token_is_from="RESILE_GITHUB_TOKEN or --token-file",  # noqa: S106 - where it is, not what
    headers={"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"},
    granted="x-accepted-github-permissions",
)


def open_source(options: DeliveryOptions, clock: SleepingClock) -> "GitHub":
    """The source over GitHub with these options.

    Raises:
        ConfigError: an option cannot be used.
    """
    return GitHub(options, clock)


KIND = DeliveryKind(
    open=open_source,
    fits=frozenset(
        {
            *("service", "environments", "host", "token", "since", "runs", "incident_labels", "counts_releases"),
            "patience",
        }
    ),
    token_variable="RESILE_GITHUB_TOKEN",  # noqa: S106 - the name of a variable
    public_token_variable="GITHUB_TOKEN",  # noqa: S106 - the name of a variable
)


class GitHub:
    """The DeliverySource over GitHub."""

    def __init__(self, options: DeliveryOptions, clock: SleepingClock) -> None:
        self._options = options
        self._door = door_options(options)
        self._clock = clock

    def read(self, target: str, cursors: Cursors) -> Iterator[DeliveryReading]:
        """Read a repository, or all of an owner's that are neither forks nor archived.

        Raises:
            ConfigError: the target is none, the token is refused, or GitHub cannot be reached.
        """
        meant = target_of(target, self._options.host, public_host=PUBLIC_HOST, kind="github")
        if meant.path.count("/") > 1:
            raise ConfigError(
                f"{meant.path[:100]!r} is no repository of GitHub; write acme/shop, or acme for all of its"
            )
        own, public = self._options.token, self._options.public_token
        token = own or (public if meant.is_public else None)
        if token is None:
            yield Remark(_without_token(meant, is_left_out=public is not None))
        address = "https://api.github.com" if meant.is_public else f"{meant.site}/api/v3"
        client = ForgeClient(_MANNERS, address, token, self._clock, patience=self._options.patience)
        try:
            yield from until_limited(self._all(client, meant.path, cursors))
        finally:
            client.close()

    def _all(self, client: ForgeClient, path: str, cursors: Cursors) -> Iterator[DeliveryReading]:
        if "/" in path:
            answer = yield from client.get(f"repos/{quote(path)}", needs="Metadata: read")
            yield from self._one(client, answer.json(), cursors)
            return
        n_read, n_left_out = 0, 0
        answer, is_person = yield from _repositories(client, path)
        while True:
            for repository in items_of(answer):
                why = _why_left_out(repository)
                if why is None:
                    n_read += 1
                    yield from if_fit(repository.label("full_name"), self._one(client, repository, cursors))
                else:
                    n_left_out += 1
                    yield Unused(Place(repository.label("full_name")), why)
            if answer.next_page is None:
                break
            answer = yield from client.get(answer.next_page)
        if is_person:
            yield Remark(
                f"GitHub lists only the public repositories of a person; read a private one by its name: {path}/NAME"
            )
        yield Remark(
            f"{n_read} repositories of {path} were read, {n_left_out} left out as forks, archived or switched off"
        )

    def _one(self, client: ForgeClient, node: RestNode, cursors: Cursors) -> Iterator[DeliveryReading]:
        told = Told(recorded_at=self._clock.now(), by=BY)
        repository = Repository(client, node, self._door, told, cursors=cursors, since=self._options.since)
        yield Progress(says=f"reading {repository.name}")
        deployed = GitHubDeployed(repository)
        to_production = ToProduction(repository.name)
        streams = {
            "commits": GitHubCommits(repository).read(),
            "pull requests": GitHubPulls(repository).read(),
            "deployments": to_production.heard("deployments", deployed.deployments()),
            "workflow runs": to_production.heard("workflow runs", deployed.runs()),
            "releases": to_production.heard("releases", deployed.releases()),
            "incidents": GitHubIncidents(repository).read(),
        }
        for what, readings in streams.items():
            yield from if_granted(f"{what} of {repository.name}", readings)
        yield from to_production.remarks()


def _repositories(client: ForgeClient, owner: str) -> Generator[Progress, None, tuple[Answer, bool]]:
    """The first page of an owner's repositories, an organization's, else a person's; and whether it is a person."""
    try:
        return (yield from client.get(f"orgs/{quote(owner)}/repos", _PAGE, needs="Metadata: read")), False
    except WithheldError as error:
        if error.status != _NOT_FOUND:
            raise
    return (yield from client.get(f"users/{quote(owner)}/repos", _PAGE, needs="Metadata: read")), True


def _why_left_out(repository: RestNode) -> str | None:
    if repository["fork"].flag():
        return "a fork, whose history is another's; name it to read it"
    if repository["archived"].flag() or repository["disabled"].flag():
        return "archived or switched off; name it to read it"
    return None


def _without_token(target: Target, *, is_left_out: bool) -> str:
    if is_left_out:
        return (
            f"read without a token: GITHUB_TOKEN is for {PUBLIC_HOST} alone; put one of {target.host} into "
            "RESILE_GITHUB_TOKEN or --token-file"
        )
    return (
        "read without a token: GitHub answers 60 questions an hour then, 5,000 with one (RESILE_GITHUB_TOKEN, "
        "GITHUB_TOKEN or --token-file), and shows public repositories alone"
    )
