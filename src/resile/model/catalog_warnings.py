"""What is allowed in a catalog and yet will most likely leave somebody waiting at night."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from resile.model.catalog import Document, Kind, Person, ScheduleDocument, Service, Team
from resile.model.paging_documents import PolicyDocument, policy_of
from resile.model.policy import Target, TargetKind

# Pages those whose service and team name no policy of their own.
DEFAULT_POLICY = "default"
_N_LISTED = 5

Documents = Mapping[tuple[Kind, str], Document]
T = TypeVar("T", bound=Document)


def warnings_of(documents: Documents) -> list[str]:
    """One sentence each, of documents that are right by themselves and name nothing that is not there."""
    catalog = _Seen(documents)
    return [
        *_empty_targets(catalog),
        *_unreachable(catalog),
        *_teams(catalog),
        *_services(catalog),
        *_schedules(catalog),
    ]


class _Seen:
    """The documents by kind."""

    def __init__(self, documents: Documents) -> None:
        self.people = _of(documents, Person)
        self.teams = _of(documents, Team)
        self.services = _of(documents, Service)
        self.schedules = _of(documents, ScheduleDocument)
        self.policies = {name: policy_of(name, told) for name, told in _of(documents, PolicyDocument).items()}

    def people_of(self, target: Target) -> list[str]:
        """Whomever a target may ever come to."""
        if target.kind is TargetKind.PERSON:
            return [target.name] if target.name in self.people else []
        if target.kind is TargetKind.SCHEDULE:
            return self._people_of_schedule(target.name)
        team = self.teams.get(target.name, Team())
        # Its members are called where none of its schedules has anybody on duty.
        return [*team.members, *(person for name in team.schedules for person in self._people_of_schedule(name))]

    def _people_of_schedule(self, name: str) -> list[str]:
        layers = self.schedules[name].layers if name in self.schedules else ()
        return [one if isinstance(one, str) else one.person for layer in layers for one in layer.people]


def _of(documents: Documents, type_: type[T]) -> dict[str, T]:
    return {name: document for (_, name), document in sorted(documents.items()) if isinstance(document, type_)}


def _empty_targets(catalog: _Seen) -> Iterable[str]:
    for name, policy in catalog.policies.items():
        for number, step in enumerate(policy.steps, start=1):
            for target in step.page:
                if not catalog.people_of(target):
                    yield f"policy {name!r}, step {number}: {target} comes to nobody; {_way_out(target)}"


def _way_out(target: Target) -> str:
    if target.kind is TargetKind.SCHEDULE:
        return "give the schedule a layer with people"
    return "give the team members, or schedules with people"


def _unreachable(catalog: _Seen) -> Iterable[str]:
    paged_by: dict[str, list[str]] = {}
    for name, policy in catalog.policies.items():
        for target in (target for step in policy.steps for target in step.page):
            for person in catalog.people_of(target):
                if name not in paged_by.setdefault(person, []):
                    paged_by[person].append(name)
    for person, policies in sorted(paged_by.items()):
        if person in catalog.people and not catalog.people[person].contacts:
            named = f"policy {policies[0]!r} pages" if len(policies) == 1 else f"policies {_listed(policies)} page"
            yield f"person {person!r} has no contacts, and {named} them; give them contacts"


def _teams(catalog: _Seen) -> Iterable[str]:
    empty = [name for name, team in catalog.teams.items() if not team.members]
    if empty:
        yield f"{_counted(empty, 'team')} without members: {_listed(empty)}; name those who are in them"


def _services(catalog: _Seen) -> Iterable[str]:
    orphans = [name for name, service in catalog.services.items() if service.owner is None]
    if orphans:
        yield f"{_counted(orphans, 'service')} without an owner: {_listed(orphans)}; name the team that owns them"
    if not catalog.policies:
        if catalog.services or catalog.schedules:
            yield "there is no policy, so that nobody is paged for anything; write one"
        return
    if DEFAULT_POLICY in catalog.policies:
        return
    unpaged = [name for name, service in catalog.services.items() if not _has_policy(service, catalog)]
    if unpaged:
        yield (
            f"{_counted(unpaged, 'service')} without a policy, of their own or their team's: {_listed(unpaged)}; "
            f"name one, or write a policy {DEFAULT_POLICY!r}, which holds for all others"
        )


def _has_policy(service: Service, catalog: _Seen) -> bool:
    owner = catalog.teams.get(service.owner or "")
    return service.policy is not None or (owner is not None and owner.policy is not None)


def _schedules(catalog: _Seen) -> Iterable[str]:
    used = {name for team in catalog.teams.values() for name in team.schedules}
    for policy in catalog.policies.values():
        used |= {one.name for step in policy.steps for one in step.page if one.kind is TargetKind.SCHEDULE}
    unused = [name for name in catalog.schedules if name not in used]
    if unused:
        yield f"{_counted(unused, 'schedule')} that no policy and no team names: {_listed(unused)}; name or remove them"


def _counted(names: Sequence[str], word: str) -> str:
    return f"{len(names)} {word}{'' if len(names) == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _N_LISTED} more" if len(names) > _N_LISTED else ""
    return ", ".join(map(repr, names[:_N_LISTED])) + more
