"""CDEvents 0.3 and later, as CloudEvents or bare: services deployed, upgraded, rolled back, and incidents as alerts."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from resile.model.alert import Alert, AlertState
from resile.model.change import DeploymentKind, DeploymentReported, DeploymentStatus
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import Telling
from resile.sources.doors.body import Node, full_sha, printable, web_address
from resile.sources.doors.cloud_events import CloudEvent, events_in
from resile.sources.doors.naming import Naming, bounded_ref, last_segment, report_id, repository_of

ORIGIN = "cdevents"
_SENDER = "CDEvents"
# dev.cdevents.service.deployed.0.2.0, and with a suffix where the specification is a draft.
_TYPE = re.compile(r"dev\.cdevents\.(\w+)\.(\w+)\.\d+\.\d+\.\d+(?:-[\w.]+)?")
# What senders add of their own.
_CUSTOM = "dev.cdeventsx."
_PREDICATES = {"deployed": None, "upgraded": None, "rolledback": DeploymentKind.ROLLBACK}
INCIDENT_STATES = {
    "detected": AlertState.FIRING,
    "reported": AlertState.FIRING,
    "resolved": AlertState.RESOLVED,
}
_MAX_ARTIFACT = 2_000
_FORGES = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
_COMMIT = re.compile(r"@([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")


def open_door(options: DoorOptions) -> "CDEventsDoor":
    """The door for CDEvents with these options."""
    return CDEventsDoor(options)


class CDEventsDoor:
    """Understands CDEvents of any sender, such as Argo CD, Jenkins, Tekton or Spinnaker."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options
        self._naming = Naming(options)

    def understand(self, delivery: Delivery) -> Understood:
        """What an event or a batch of them says; one that is wrong refuses the batch.

        Raises:
            ConfigError: it is no CloudEvent, or no CDEvent as its type has it.
        """
        told = [self.told_by(event, delivery) for event in events_in(_SENDER, delivery)]
        reports = tuple(one for one in told if isinstance(one, DeploymentReported))
        alerts = tuple(one for one in told if isinstance(one, Alert))
        if reports or alerts:
            return Understood(reports=reports, alerts=alerts)
        left = [one for one in told if isinstance(one, str)]
        more = f" (and {len(left) - 1} more events, of which none is taken)" if len(left) > 1 else ""
        return Understood(unmapped=left[0] + more if left else "an empty batch of events")

    def told_by(self, event: CloudEvent, delivery: Delivery) -> DeploymentReported | Alert | str:
        """A deployment, an alert, or what the event is instead.

        Raises:
            ConfigError: it is no CDEvent as its type has it.
        """
        if event.attributes is not event.data:
            outer = event.attributes["type"].needed_text()
            if not outer.startswith("dev.cdevents."):
                return f"a CloudEvent of type {outer!r}, of which resile takes nothing"
        context = event.data["context"]
        kind = context["type"].needed_text()
        if kind.startswith(_CUSTOM):
            return f"an event of type {kind!r}, of which resile takes nothing"
        found = _TYPE.fullmatch(kind)
        if found is None:
            context["type"].refuse(f"is {kind!r}", "write it as dev.cdevents.service.deployed.0.2.0")
        subject, predicate = found[1], found[2]
        if subject == "incident" and predicate in INCIDENT_STATES:
            return self._incident(event.data, delivery, INCIDENT_STATES[predicate])
        if subject != "service" or predicate not in _PREDICATES:
            return f"{subject} {predicate}, which is no deployment"
        return self._deployment(event.data, delivery, _PREDICATES[predicate])

    def _incident(self, data: Node, delivery: Delivery, state: AlertState) -> Alert:
        """What was detected, reported or resolved; the service and its artifact join it to what was deployed."""
        telling = Telling(self._options, delivery)
        context, subject = data["context"], data["subject"].needed()
        content = subject["content"] if isinstance(subject["content"].value, dict) else Node(data.sender, "", None)
        artifact = _artifact(telling.line(content["artifactId"], _MAX_ARTIFACT) or None)
        environment = content["environment"] if isinstance(content["environment"].value, dict) else None
        place = "" if environment is None else telling.line(environment["name"]) or telling.line(environment["id"])
        if not place:
            telling.warn("it names no environment, which CDEvents require")
        service = telling.raw(content["service"]["id"]) if isinstance(content["service"].value, dict) else ""
        description = telling.raw(content["description"])
        own = {
            "environment": self._naming.environment(place or None) or "",
            "artifactId": telling.raw(content["artifactId"]),
            "version": artifact.version or "",
            "repo": artifact.repo or "",
        }
        telling.link("ticket", telling.raw(content["ticketURI"]), "subject.content.ticketURI")
        at, name = telling.instant(context["timestamp"]), subject["id"].name()
        is_over = state is AlertState.RESOLVED
        return telling.alert(
            state=state,
            # Of one that is resolved, the description tells of that, and not of the condition.
            title="" if is_over else description or f"Incident {name}",
            description=description if is_over else "",
            labels={label: text for label, text in own.items() if text},
            # An incident's name is unique within its source.
            key=f"{telling.raw(subject['source']) or telling.raw(context['source'])}#{name}",
            starts_at=None if is_over else at,
            ends_at=at if is_over else None,
            severity=telling.severity([telling.raw(content["severity"])]),
            service=last_segment(service) or artifact.name or "",
            known_by=(service,),
        )

    def _deployment(self, data: Node, delivery: Delivery, unplanned: DeploymentKind | None) -> DeploymentReported:
        context, subject = data["context"], data["subject"].needed()
        content = subject["content"].needed()
        environment = content["environment"].needed()
        # The id must be there; the name, where it is told too, is what people say.
        environment_id = environment["id"].needed_text()
        name = subject["id"].needed_text()
        artifact = _artifact(content["artifactId"].text(_MAX_ARTIFACT))
        source = context["source"].needed_text(_MAX_ARTIFACT)
        return DeploymentReported(
            id=report_id(DeploymentStatus.SUCCEEDED, "event"),
            at=context["timestamp"].needed_instant(),
            origin=ORIGIN,
            # An event is unique by its source and id.
            ref=bounded_ref(f"{source}#{context['id'].name()}"),
            service=self._naming.service(name, artifact.name, otherwise=last_segment(name)),
            environment=self._naming.environment(environment["name"].text() or environment_id),
            version=artifact.version,
            repo=artifact.repo,
            sha=artifact.sha,
            status=DeploymentStatus.SUCCEEDED,
            unplanned=unplanned,
            url=web_address(source),
            **self._naming.told(delivery),
        )


class _Artifact(NamedTuple):
    """What an artifact's identifier tells."""

    name: str | None = None
    version: str | None = None
    repo: str | None = None
    sha: str | None = None


def _artifact(identifier: str | None) -> _Artifact:
    """Read a package URL; whatever else names an artifact is its version.

    Source: package-url/purl-spec: scheme:type/namespace/name@version?qualifiers#subpath.
    """
    if identifier is None:
        return _Artifact()
    if not identifier.startswith("pkg:"):
        return _Artifact(version=printable(identifier, 200), sha=full_sha(identifier))
    rest, _, query = identifier.removeprefix("pkg:").partition("#")[0].partition("?")
    path, _, version = rest.rpartition("@")
    # An at sign that begins a namespace, as npm has them, begins no version.
    if not path or path.endswith("/"):
        path, version = rest, ""
    kind, _, name = unquote(path).strip("/").partition("/")
    version = printable(unquote(version), 200)
    qualifiers = dict(_qualifiers(query))
    vcs_url = qualifiers.get("vcs_url", "").removeprefix("git+")
    found = _COMMIT.search(vcs_url)
    repo = repository_of(_COMMIT.sub("", vcs_url)) if vcs_url else None
    if repo is None and kind.casefold() in _FORGES:
        repo = repository_of(f"https://{_FORGES[kind.casefold()]}/{name}")
    return _Artifact(
        name=printable(name.rpartition("/")[2], 200) or None,
        version=version or None,
        repo=repo,
        sha=full_sha(found[1]) if found else full_sha(version),
    )


def _qualifiers(query: str) -> Iterator[tuple[str, str]]:
    try:
        yield from parse_qsl(query, max_num_fields=32)
    except ValueError:
        return
