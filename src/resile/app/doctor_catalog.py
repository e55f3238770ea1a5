"""What in the catalog would fail at night: people who cannot be reached, policies, services, templates, routes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from resile.app.catalog import Catalog
from resile.app.directory import DEFAULT_POLICY
from resile.app.doctor_duty import Roster
from resile.app.findings import Finding, Gravity, named
from resile.model.alert_documents import RouteDocument
from resile.model.catalog import Kind, Person, Service, Team
from resile.model.errors import ConfigError
from resile.model.paging_documents import TemplateDocument
from resile.model.policy import Policy, TargetKind
from resile.model.schedule import Schedule
from resile.ports.channel import Channel
from resile.response.oncall import Duty

MAX_NAMED = 10
_MAX_PEOPLE = 5
Held = Callable[[str, datetime, datetime], Sequence[Duty]]
# What is wrong with a template, one sentence each; given its document and its name.
TemplateFaults = Callable[[TemplateDocument, str], list[str]]


class CatalogExamination:
    """One look at the catalog.

    Args:
        held: who holds a schedule in a span of time.
        channels: those that are set up, by name.
        verified: by person, the names of the contacts that were verified.
    """

    def __init__(
        self,
        catalog: Catalog,
        held: Held,
        *,
        channels: Mapping[str, Channel],
        verified: Mapping[str, frozenset[str]],
        template_faults: TemplateFaults,
        now: datetime,
    ) -> None:
        self._catalog = catalog
        self._held = held
        self._channels = channels
        self._verified = verified
        self._template_faults = template_faults
        self._now = now
        self._people: Mapping[str, Person] = catalog.people()
        self._teams: Mapping[str, Team] = catalog.teams()
        self._schedules: Mapping[str, Schedule] = catalog.schedules()
        self._services: Mapping[str, Service] = catalog.services()
        self._policies: Mapping[str, Policy] = catalog.policies()
        self._called = self._may_be_called()

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with it."""
        for sentence in self._catalog.unreadable():
            yield _found(Gravity.SERIOUS, "the catalog", "leaves a document out", sentence, "mend the document")
        yield from self._of_policies()
        yield from self._of_services()
        yield from _together({name: list(self._of_person(name, person)) for name, person in self._people.items()})
        yield from self._of_templates()
        yield from self._of_routes()

    def channels_in_use(self) -> frozenset[str]:
        """Which channels the contacts of people name."""
        return frozenset(contact.channel for person in self._people.values() for contact in person.contacts)

    def _may_be_called(self) -> frozenset[str]:
        """Everybody whom a policy names in some way."""
        found: set[str] = set()
        for target in (target for one in self._policies.values() for step in one.steps for target in step.page):
            if target.kind is TargetKind.PERSON:
                found.add(target.name)
            team = self._teams.get(target.name) if target.kind is TargetKind.TEAM else None
            found |= set(team.members) if team is not None else set()
            for name in team.schedules if team is not None else (target.name,):
                schedule = self._schedules.get(name) if target.kind is not TargetKind.PERSON else None
                layers = schedule.layers if schedule is not None else ()
                found |= {one.person for layer in layers for one in layer.people}
        return frozenset(found)

    def _is_usable(self, channel: str, address: str) -> bool:
        its = self._channels.get(channel)
        return its is not None and _refusal(its, address) is None

    def _of_policies(self) -> Iterator[Finding]:
        if DEFAULT_POLICY not in self._policies:
            yield _found(
                Gravity.SERIOUS,
                "the catalog",
                f"has no policy named {DEFAULT_POLICY}",
                "incidents for which no service or team has a policy page nobody",
                f"write a policy named {DEFAULT_POLICY}",
            )
        roster = self._roster()
        for policy in self._policies.values():
            yield from roster.faults(policy)

    def cut_off(self, gone: Sequence[str]) -> Iterator[Finding]:
        """Policies that would page somebody now, were it not that no channel to them can be reached.

        Args:
            gone: channels that cannot be reached.
        """
        if not gone:
            return
        usual, left = self._roster(), self._roster(but_by=gone)
        names = [
            name
            for name, policy in self._policies.items()
            if left.reaches_nobody_now(policy) and not usual.reaches_nobody_now(policy)
        ]
        if names:
            is_one = len(names) == 1
            yield _found(
                Gravity.CRITICAL,
                named(names, "policy", "policies", most=MAX_NAMED),
                f"reach{'es' if is_one else ''} nobody now",
                f"no channel to anybody whom {'it names' if is_one else 'they name'} can be reached: {', '.join(gone)}",
                "mend one of these channels, or give people a contact by another one",
            )

    def _roster(self, *, but_by: Sequence[str] = ()) -> Roster:
        reachable = frozenset(
            name
            for name, person in self._people.items()
            if any(one.channel not in but_by and self._is_usable(one.channel, one.address) for one in person.contacts)
        )
        return Roster(reachable, self._teams, self._held, now=self._now)

    def _of_services(self) -> Iterator[Finding]:
        missing = []
        for name, service in self._services.items():
            owner = None if service.owner is None else self._teams.get(service.owner)
            policy = service.policy or (None if owner is None else owner.policy)
            if policy is not None and policy not in self._policies:
                yield _found(
                    Gravity.CRITICAL,
                    f"service {name}",
                    "pages nobody",
                    f"its policy {policy} is not in the catalog, or cannot be read",
                    "mend the policy, or give the service another",
                )
            elif policy is None:
                missing.append(name)
        if not missing:
            return
        has_default, s = DEFAULT_POLICY in self._policies, "s" if len(missing) == 1 else ""
        yield _found(
            Gravity.MINOR if has_default else Gravity.CRITICAL,
            named(missing, "service", "services", most=MAX_NAMED),
            f"fall{s} back on the policy {DEFAULT_POLICY}" if has_default else f"page{s} nobody",
            "neither the service nor its owner has a policy",
            "give the services, or the teams that own them, a policy",
        )

    def _of_person(self, name: str, person: Person) -> Iterator[Finding]:
        gravity = Gravity.SERIOUS if name in self._called else Gravity.MINOR
        subject, where = f"person {name}", "add a contact in the catalog"
        if not person.contacts:
            called = "though a policy calls them" if name in self._called else "and no policy calls them so far"
            yield _found(gravity, subject, "cannot be reached", f"they have no contacts, {called}", where)
            return
        if not self._verified.get(name):
            yield _found(
                gravity,
                subject,
                "may not be reached",
                "none of their contacts was ever verified",
                f"have them prove one: resile contact verify {name} {person.contacts[0].name}",
            )
        for contact in person.contacts:
            channel = self._channels.get(contact.channel)
            if channel is None:
                why = f"channel {contact.channel} is not set up here"
                mend = f"add [channels.{contact.channel}] to resile.toml"
            else:
                why, mend = _refusal(channel, contact.address) or "", "correct the address in the catalog"
            if why:
                yield _found(gravity, subject, f"is not reached by their contact {contact.name}", why, mend)

    def _of_templates(self) -> Iterator[Finding]:
        for name, told in self._catalog.all_of(Kind.TEMPLATE, TemplateDocument).items():
            for fault in self._template_faults(told, name):
                yield _found(
                    Gravity.SERIOUS, f"template {name}", "is not used", fault, "mend it; until then the built-in words"
                )

    def _of_routes(self) -> Iterator[Finding]:
        for name, told in self._catalog.all_of(Kind.ROUTE, RouteDocument).items():
            subject = f"route {name}"
            if told.service is not None and told.service not in self._services:
                why = f"service {told.service} is not in the catalog"
                yield _found(Gravity.SERIOUS, subject, "names an unknown service", why, "add it, or correct the route")
            if told.policy is not None and told.policy not in self._policies:
                why = f"policy {told.policy} is not in the catalog, or cannot be read"
                yield _found(Gravity.CRITICAL, subject, "pages nobody", why, "add it, or correct the route")


def _together(found: Mapping[str, Sequence[Finding]]) -> Iterator[Finding]:
    """What is wrong in the same way with several people is said once."""
    alike: dict[tuple[Gravity, str, str], dict[str, Finding]] = {}
    for person, theirs in found.items():
        for one in theirs:
            alike.setdefault((one.gravity, one.what, one.why), {})[person] = one
    for (gravity, what, why), by_person in alike.items():
        names, first = list(by_person), next(iter(by_person.values()))
        if len(names) == 1:
            yield first
            continue
        does = f"are {what.removeprefix('is ')}" if what.startswith("is ") else what
        is_same = all(one.where == first.where for one in by_person.values())
        where = first.where if is_same else f"{first.where}, and the others likewise"
        yield _found(gravity, named(names, "person", "people", most=_MAX_PEOPLE), does, why, where)


def _refusal(channel: Channel, address: str) -> str | None:
    """Why a channel does not take an address; the address itself is not told."""
    try:
        channel.address(address)
    except ConfigError as error:
        return str(error)
    return None


def _found(gravity: Gravity, subject: str, what: str, why: str, where: str) -> Finding:
    return Finding(gravity=gravity, subject=subject, what=what, why=why, where=where)
