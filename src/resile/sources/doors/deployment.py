"""A deployment in resile's own words, as POST /api/v1/deployments takes it: one line in any pipeline."""

from datetime import timedelta
from difflib import get_close_matches

import msgspec

from resile.model.change import DeploymentKind, DeploymentReported, DeploymentStatus
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.body import MAX_NAME, MAX_TITLE, MAX_URL, Node, printable, read_object, shown
from resile.sources.doors.naming import PRODUCTION, Naming, Told, digest, report_id, repository_of

ORIGIN = "api"
BY_HEADER = "x-resile-by"
_SENDER = "deployment"
_MAX_CAUSED = 100
# So far a clock may be ahead of ours.
_AHEAD = timedelta(days=1)


class DeploymentBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The fields of a deployment; only the service must be told.

    Attributes:
        service: what was deployed.
        environment: where to; `prod`, `live` and `production` are one.
        version: e.g. `1.4.2`.
        repo: its repository, by name or address.
        sha: full id of the commit that was deployed.
        status: reached at `at`.
        at: ISO 8601; left out: now.
        started_at: when it began, ISO 8601.
        unplanned: what it is, where it was not planned.
        caused: ids of incidents that it caused.
        mends: id of the incident that it mends.
        id: its name, so that it may be told of more than once; left out: every sending is a deployment of its own.
    """

    service: str
    environment: str = PRODUCTION
    version: str | None = None
    repo: str | None = None
    sha: str | None = None
    status: DeploymentStatus = DeploymentStatus.SUCCEEDED
    at: str | None = None
    started_at: str | None = None
    unplanned: DeploymentKind | None = None
    caused: list[str] = []
    mends: str | None = None
    url: str | None = None
    title: str | None = None
    id: str | None = None


_CHOICES = {"status": DeploymentStatus, "unplanned": DeploymentKind}


def open_door(options: DoorOptions) -> "DeploymentDoor":
    """The door for deployments in resile's own words with these options."""
    return DeploymentDoor(options)


class DeploymentDoor:
    """Understands the body of POST /api/v1/deployments."""

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)

    def understand(self, delivery: Delivery) -> Understood:
        """The deployment, in two reports where it says when it began.

        Raises:
            ConfigError: a field is missing, unknown or wrong.
        """
        body = read_object(_SENDER, delivery.body)
        deployment = _checked(body)
        service = body["service"].name()
        at = body["at"].instant() or delivery.received_at
        if at > delivery.received_at + _AHEAD:
            # Taken as it stands, it would be the last deployment for years.
            body["at"].refuse("lies in the future", "correct the clock, or leave it out")
        started_at = body["started_at"].instant()
        if started_at is not None and started_at > at:
            body["started_at"].refuse("lies after at", "swap them")
        # Without an id of its own, the delivery's: sent again under the same name, it is the same.
        ref = body["id"].name() if deployment.id is not None else delivery.id
        told = self._told(delivery)
        report = DeploymentReported(
            id=report_id(deployment.status, digest(body.value)),
            at=at,
            origin=ORIGIN,
            ref=ref,
            service=self._naming.service(service, otherwise=service),
            environment=self._environment(body["environment"]),
            version=body["version"].text(),
            repo=_repository(body["repo"]),
            sha=_sha(body["sha"]),
            status=deployment.status,
            unplanned=deployment.unplanned,
            mends=body["mends"].name() if deployment.mends is not None else None,
            caused=tuple(dict.fromkeys(incident.name() for incident in body["caused"].items(_MAX_CAUSED))),
            title=body["title"].text(MAX_TITLE),
            url=_url(body["url"]),
            **told,
        )
        if started_at is None:
            return Understood(reports=(report,))
        begun = DeploymentReported(
            id=report_id(DeploymentStatus.RUNNING, "started"),
            at=started_at,
            origin=ORIGIN,
            ref=ref,
            status=DeploymentStatus.RUNNING,
            **told,
        )
        return Understood(reports=(begun, report))

    def _told(self, delivery: Delivery) -> Told:
        """Who says so: the token or user in `x-resile-by`, which the server writes, not the sender."""
        told, by = self._naming.told(delivery), printable(delivery.headers.get(BY_HEADER, ""), MAX_NAME)
        return Told(recorded_at=told["recorded_at"], by=by) if by else told

    def _environment(self, node: Node) -> str | None:
        # An empty one is a variable that somebody forgot to set, hardly production.
        return self._naming.environment(node.needed_text() if node.is_told else PRODUCTION)


def _checked(body: Node) -> DeploymentBody:
    """The fields by kind; msgspec's words are turned into a sentence that names the field.

    Raises:
        ConfigError: one is missing, unknown or of another kind.
    """
    names = [field.name for field in msgspec.structs.fields(DeploymentBody)]
    for name in body.value:
        if name not in names:
            near = get_close_matches(name[:60], names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(names)}"
            Node(_SENDER, shown(name), None).refuse("is unknown", hint)
    # A null is a field that is not told.
    told = {name: value for name, value in body.value.items() if value is not None}
    for name, choices in _CHOICES.items():
        _check_choice(Node(_SENDER, name, told.get(name)), [choice.value for choice in choices])
    try:
        return msgspec.convert(told, DeploymentBody)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{_SENDER}: {_sentence(str(error))}") from None


def _check_choice(node: Node, choices: list[str]) -> None:
    if isinstance(node.value, str) and node.value not in choices:
        near = get_close_matches(node.value[:60].casefold(), choices, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use {', '.join(choices)}"
        node.refuse(f"is {shown(node.value)}, which is unknown", hint)


def _sentence(message: str) -> str:
    """From "Expected `str`, got `int` - at `$.service`" to a sentence."""
    what, _, place = message.partition(" - at ")
    if what.startswith("Object missing required field"):
        return "service is missing; say what was deployed"
    wanted = "a list of texts" if "array" in what.partition(",")[0] else "a text"
    return f"{place.strip('`').removeprefix('$.')} is not {wanted}; write it as one"


def _sha(node: Node) -> str | None:
    if not (node.raw_text() or "").strip():
        return None
    return node.sha() or node.refuse(
        f"is {shown(node.value)}, no full id of a commit", "give what git rev-parse HEAD says"
    )


def _repository(node: Node) -> str | None:
    address = node.text(MAX_URL)
    if address is None:
        return None
    return repository_of(address) or node.refuse(
        f"is {shown(address)}, no repository", "write it as github.com/acme/shop"
    )


def _url(node: Node) -> str | None:
    if not (node.raw_text() or "").strip():
        return None
    return node.url() or node.refuse(f"is {shown(node.value)}, no http or https address", "correct it")
