"""GitLab by REST, gitlab.com or an installation of one's own: what its webhooks would have told."""

from collections.abc import Generator, Iterator, Mapping
from urllib.parse import quote

from pydantic import SecretStr

from resile.model.errors import ConfigError
from resile.ports.clock import SleepingClock
from resile.ports.delivery_source import Cursors, DeliveryKind, DeliveryOptions, DeliveryReading
from resile.ports.source import Progress
from resile.sources.doors.gitlab_objects import PUBLIC_HOST
from resile.sources.doors.naming import Naming, Told
from resile.sources.forges.asked import Asked, door_options
from resile.sources.forges.client import Answer, ForgeClient, Manners, WithheldError
from resile.sources.forges.gitlab_project import GitLabProject
from resile.sources.forges.reading import until_limited
from resile.sources.forges.rest import RestNode
from resile.sources.forges.rooted import RootedTarget, rooted_target
from resile.sources.forges.several import read_several

BY = "import:gitlab"
_TOKEN_VARIABLE = "RESILE_GITLAB_TOKEN"  # noqa: S105 - a name, no secret
_PUBLIC_TOKEN_VARIABLE = "GITLAB_TOKEN"  # noqa: S105 - as above
_NOT_THERE = 404
_MANNERS = Manners(
    title="GitLab",
    # Takes personal, project, group and OAuth tokens alike.
    token_header=lambda token: ("authorization", f"Bearer {token}"),
    token_is_from=f"--token-file or {_TOKEN_VARIABLE}",
)


def open_source(options: DeliveryOptions, clock: SleepingClock) -> "GitLab":
    """The source over a GitLab with these options."""
    return GitLab(options, clock)


KIND = DeliveryKind(
    open=open_source,
    fits=frozenset(
        {
            *("service", "environments", "host", "token", "since", "runs"),
            *("incident_labels", "counts_releases", "patience"),
        }
    ),
    token_variable=_TOKEN_VARIABLE,
    public_token_variable=_PUBLIC_TOKEN_VARIABLE,
)


class GitLab:
    """The DeliverySource over GitLab's REST API, version 4."""

    def __init__(self, options: DeliveryOptions, clock: SleepingClock) -> None:
        self._options = options
        self._clock = clock

    def read(self, target: str, cursors: Cursors) -> Iterator[DeliveryReading]:
        """Read a project, or every project of a group and its subgroups, or of a user.

        Raises:
            ConfigError: there is no such project or group for this token, the token is refused, or GitLab cannot be
                reached.
        """
        # Below its dash are a project's pages.
        project = target.partition("/-/")[0]
        found = rooted_target(project, self._options.host, public_host=PUBLIC_HOST, kind="gitlab")
        client = ForgeClient(
            _MANNERS, found.under("api/v4"), self._token(found), self._clock, patience=self._options.patience
        )
        try:
            yield from until_limited(self._readings(client, found, cursors))
        finally:
            client.close()

    def _token(self, found: RootedTarget) -> SecretStr | None:
        return self._options.token or (self._options.public_token if found.target.is_public else None)

    def _readings(self, client: ForgeClient, found: RootedTarget, cursors: Cursors) -> Iterator[DeliveryReading]:
        asked = Asked(
            options=self._options,
            naming=Naming(door_options(self._options)),
            told=Told(recorded_at=self._clock.now(), by=BY),
            cursors=cursors,
        )
        projects = yield from _projects(client, found)
        yield from read_several(
            ((f"project {one.label('path_with_namespace')}", one, _why_left_out(one)) for one in projects),
            lambda one: GitLabProject(client, one, asked).readings(),
            n=len(projects),
        )


def _name(found: RootedTarget) -> str:
    """The path of a project or group as the API takes it: in one piece."""
    return quote(found.target.path, safe="")


def _projects(client: ForgeClient, found: RootedTarget) -> Generator[Progress, None, list[RestNode]]:
    """The project of that path, or all of the group or user of that path."""
    withheld: list[WithheldError] = []
    if "/" in found.target.path:
        try:
            answer = yield from client.get(f"projects/{_name(found)}", needs="read_api")
        except WithheldError as error:
            withheld.append(error)
        else:
            return [answer.json()]
    # A user has no groups, so such a path has one part alone.
    places = [
        f"groups/{_name(found)}/projects",
        *([] if "/" in found.target.path else [f"users/{_name(found)}/projects"]),
    ]
    for place in places:
        try:
            return (yield from _all(client, place, {"include_subgroups": "true", "with_shared": "false"}))
        except WithheldError as error:
            withheld.append(error)
    # The first says most, unless a later one says why.
    raise next((error for error in withheld if error.status != _NOT_THERE), _unknown(found, withheld[0]))


def _why_left_out(project: RestNode) -> str | None:
    if project["forked_from_project"].is_told:
        return "a fork, whose history is another's; name it to read it"
    if project["archived"].flag():
        return "archived; name it to read it"
    return None


def _all(client: ForgeClient, place: str, params: Mapping[str, str]) -> Generator[Progress, None, list[RestNode]]:
    projects: list[RestNode] = []
    address: str | None = place
    asked: Mapping[str, str] | None = {"per_page": "100", "order_by": "id", "sort": "asc", **params}
    while address is not None:
        answer: Answer = yield from client.get(address, asked, needs="read_api")
        projects += answer.json().items()
        address, asked = answer.next_page, None
        yield Progress(len(projects), None, "projects")
    return projects


def _unknown(found: RootedTarget, error: WithheldError) -> ConfigError:
    hint = "" if found.root else "; if GitLab stands under a path of its host, say --host https://acme.example/gitlab"
    return ConfigError(f"{found.target.path!r} is no project or group that GitLab shows: {error}{hint}")
