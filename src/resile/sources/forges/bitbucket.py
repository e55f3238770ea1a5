"""Bitbucket by REST: Bitbucket Cloud, and with a host a Bitbucket Data Center of one's own."""

import base64
import re
from collections.abc import Generator, Iterator, Mapping

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.ports.clock import SleepingClock
from resile.ports.delivery_source import Cursors, DeliveryKind, DeliveryOptions, DeliveryReading
from resile.ports.source import Progress
from resile.sources.doors.naming import Naming, Told
from resile.sources.forges.address import target_of
from resile.sources.forges.asked import Asked, door_options
from resile.sources.forges.bitbucket_data_center import DataCenterRepository
from resile.sources.forges.bitbucket_mapping import PUBLIC_HOST
from resile.sources.forges.bitbucket_repository import BitbucketRepository
from resile.sources.forges.client import ForgeClient, Manners, WithheldError
from resile.sources.forges.reading import until_limited
from resile.sources.forges.rest import RestNode
from resile.sources.forges.rooted import rooted_target
from resile.sources.forges.several import read_several

BY = "import:bitbucket"
CLOUD_API = "https://api.bitbucket.org/2.0"
_TOKEN_VARIABLE = "RESILE_BITBUCKET_TOKEN"  # noqa: S105 - the name of a variable
_PUBLIC_TOKEN_VARIABLE = "BITBUCKET_TOKEN"  # noqa: S105 - as above
_MAX_PARTS = 2
_PAGES = re.compile(
    r"(?P<before>.*?)(?:projects/(?P<key>[\w.~-]+)|users/(?P<user>[\w.-]+))(?:/repos/(?P<slug>[\w.-]+))?(?:/.*)?"
)


def _token_header(token: str) -> tuple[str, str]:
    """An access token alone, or `name:token` as an API token or an app password is used."""
    if ":" not in token:
        return "authorization", f"Bearer {token}"
    return "authorization", f"Basic {base64.b64encode(token.encode()).decode()}"


MANNERS = Manners(title="Bitbucket", token_header=_token_header, token_is_from=f"--token-file or {_TOKEN_VARIABLE}")


def open_source(options: DeliveryOptions, clock: SleepingClock) -> "Bitbucket":
    """The source over Bitbucket with these options."""
    return Bitbucket(options, clock)


KIND = DeliveryKind(
    open=open_source,
    fits=frozenset(
        {
            *("service", "environments", "host", "token", "since", "runs", "incident_labels", "counts_releases"),
            "patience",
        }
    ),
    token_variable=_TOKEN_VARIABLE,
    public_token_variable=_PUBLIC_TOKEN_VARIABLE,
)


class Bitbucket:
    """The DeliverySource over Bitbucket Cloud's REST API 2.0 and that of a Data Center, 1.0.

    Args:
        api: the address of the Cloud's, which is not under that of its pages.
    """

    def __init__(self, options: DeliveryOptions, clock: SleepingClock, *, api: str = CLOUD_API) -> None:
        self._options = options
        self._clock = clock
        self._api = api

    def read(self, target: str, cursors: Cursors) -> Iterator[DeliveryReading]:
        """Read a repository, or every repository of a workspace or project.

        Raises:
            ConfigError: there is none for this token, the token is refused, or Bitbucket cannot be reached.
        """
        asked = Asked(
            options=self._options,
            naming=Naming(door_options(self._options)),
            told=Told(recorded_at=self._clock.now(), by=BY),
            cursors=cursors,
        )
        place = self._in_cloud(target) if self._options.host is None else self._in_data_center(target)
        token = self._options.token or (self._options.public_token if self._options.host is None else None)
        client = ForgeClient(MANNERS, place.api, token, self._clock, patience=self._options.patience)
        try:
            yield from until_limited(self._readings(client, place, asked))
        finally:
            client.close()

    def _in_cloud(self, target: str) -> "_Place":
        found = target_of(target, None, public_host=PUBLIC_HOST, kind="bitbucket")
        if not found.is_public or found.path.count("/") >= _MAX_PARTS:
            raise ConfigError(
                f"{target[:100]!r} is no workspace or repository of {PUBLIC_HOST}; write acme/shop, or acme; a "
                "Bitbucket of your own is named with --host"
            )
        return _Place(self._api, f"repositories/{found.path}", "/" in found.path, "next", BitbucketRepository)

    def _in_data_center(self, target: str) -> "_Place":
        """Its pages say `projects/KEY/repos/shop`, or `users/ann/repos/shop`; its API calls users' projects ~ann."""
        unfit = self._options.runs or self._options.environments
        if unfit:
            raise ConfigError("a Bitbucket Data Center lists no deployments; leave out --run and --environment")
        text = _PAGES.sub(_as_path, target.strip())
        found = rooted_target(text, self._options.host, public_host=PUBLIC_HOST, kind="bitbucket")
        key, _, slug = found.target.path.partition("/")
        if "/" in slug:
            raise ConfigError(f"{target[:100]!r} is no project or repository; write KEY/shop, KEY, or ~ann/shop")
        path = f"projects/{key}/repos" + (f"/{slug}" if slug else "")
        return _Place(found.under("rest/api/1.0"), path, bool(slug), "nextPageStart", DataCenterRepository)

    def _readings(self, client: ForgeClient, place: "_Place", asked: Asked) -> Iterator[DeliveryReading]:
        nodes = yield from _repositories(client, place)
        yield from read_several(
            ((f"repository {_label(one)}", one, _why_left_out(one)) for one in nodes),
            lambda one: place.kind(client, one, asked).readings(),
            n=len(nodes),
        )


class _Place(Struct, frozen=True):
    """Where what is to be read stands.

    Attributes:
        is_one: whether it is a repository, and not a list of them.
        following: the field of a page that says where the next one is.
        kind: what reads one repository.
    """

    api: str
    path: str
    is_one: bool
    following: str
    kind: type[BitbucketRepository] | type[DataCenterRepository]


def _as_path(found: re.Match[str]) -> str:
    owner = found["key"] or f"~{found['user']}"
    return "/".join(filter(None, (found["before"] + owner, found["slug"])))


def _label(repository: RestNode) -> str:
    return repository.label("full_name" if repository["full_name"].is_told else "slug")


def _why_left_out(repository: RestNode) -> str | None:
    if repository["parent"].is_told or repository["origin"].is_told:
        return "a fork, whose history is another's; name it to read it"
    if repository["archived"].flag():
        return "archived; name it to read it"
    return None


def _repositories(client: ForgeClient, place: _Place) -> Generator[Progress, None, list[RestNode]]:
    """The repository that is meant, or all of the workspace or project.

    Raises:
        ConfigError: Bitbucket shows neither.
    """
    nodes: list[RestNode] = []
    address: str | None = place.path
    sizes = {"next": {"pagelen": "100", "sort": "created_on"}, "nextPageStart": {"limit": "100"}}
    params: Mapping[str, str] | None = None if place.is_one else sizes[place.following]
    while address is not None:
        try:
            answer = yield from client.get(address, params, needs="the right to read repositories")
        except WithheldError as error:
            raise ConfigError(f"{place.path!r} is no repository or workspace that Bitbucket shows: {error}") from None
        page = answer.json()
        if place.is_one:
            return [page]
        nodes += page["values"].needed().items()
        following = page[place.following]
        if place.following == "next":
            address, params = following.raw_text() or None, None
        else:
            address = place.path if following.is_told else None
            params = {**sizes[place.following], "start": following.name()} if following.is_told else None
        yield Progress(len(nodes), None, "repositories")
    return nodes
