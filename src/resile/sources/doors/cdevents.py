"""CDEvents 0.3 and later, as CloudEvents or bare: services deployed, upgraded, rolled back."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from resile.model.change import DeploymentKind, DeploymentReported, DeploymentStatus
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
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
_MAX_ARTIFACT = 2_000
_FORGES = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
_COMMIT = re.compile(r"@([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")


def open_door(options: DoorOptions) -> "CDEventsDoor":
    """The door for CDEvents with these options."""
    return CDEventsDoor(options)


class CDEventsDoor:
    """Understands CDEvents of any sender, such as Argo CD, Jenkins, Tekton or Spinnaker."""

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)

    def understand(self, delivery: Delivery) -> Understood:
        """What an event or a batch of them says; one that is wrong refuses the batch.

        Raises:
            ConfigError: it is no CloudEvent, or no CDEvent as its type has it.
        """
        reports: list[DeploymentReported] = []
        left: list[str] = []
        for event in events_in(_SENDER, delivery):
            told = self._understood(event, delivery)
            if isinstance(told, str):
                left.append(told)
            else:
                reports.append(told)
        if reports:
            return Understood(reports=tuple(reports))
        more = f" (and {len(left) - 1} more events, of which none is a deployment)" if len(left) > 1 else ""
        return Understood(unmapped=left[0] + more if left else "an empty batch of events")

    def _understood(self, event: CloudEvent, delivery: Delivery) -> DeploymentReported | str:
        """A deployment, or what the event is instead."""
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
        if subject == "incident":
            return f"incident {predicate}; incidents of CDEvents are not read so far"
        if subject != "service" or predicate not in _PREDICATES:
            return f"{subject} {predicate}, which is no deployment"
        return self._deployment(event.data, delivery, _PREDICATES[predicate])

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
