"""Whom the steps of a policy mean at an instant: people, who is on call, teams; and by which ways they are reached."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from resile.app.catalog import Catalog
from resile.model.catalog import Person, Service, Team
from resile.model.errors import ConfigError
from resile.model.paging_documents import contacts_of, rules_of
from resile.model.policy import Called, Callee, Policy, Step, Target, TargetKind, ways_of
from resile.model.schedule import Override, Schedule
from resile.model.severity import Severity
from resile.model.time import MINUTE
from resile.ports.catalog import CatalogStore
from resile.response.oncall import duties

DEFAULT_POLICY = "default"
# Why a schedule has nobody, after "nobody is on call for payments:".
GAP_WORDS = {
    "taken_off": "an override takes everybody off",
    "no_layer": "it has no layers",
    "not_begun": "its layers begin later",
    "ended": "its layers have ended",
    "off_hours": "it is outside its hours",
    "nobody_left": "nobody is left in its rotation",
}
# Names of the contacts of each person that were verified.
Verified = Callable[[], Mapping[str, frozenset[str]]]


class Directory:
    """Everybody, as of one moment: the catalog is read once, and asked many times.

    Args:
        verified: by person, the names of the contacts that were verified.
    """

    def __init__(self, catalog: Catalog, store: CatalogStore, *, now: datetime, verified: Verified) -> None:
        self._now = now
        self._store = store
        self._people: Mapping[str, Person] = catalog.people()
        self._teams: Mapping[str, Team] = catalog.teams()
        self._schedules: Mapping[str, Schedule] = catalog.schedules()
        self.policies: Mapping[str, Policy] = catalog.policies()
        self.services: Mapping[str, Service] = catalog.services()
        self._verified = verified()
        self._holders: dict[str, tuple[str | None, str]] = {}

    def call(self, step: Step, severity: Severity | None) -> Called:
        """What a step's targets come to now; everybody once, however often they are named."""
        found: dict[str, str] = {}
        missing: list[str] = []
        for target in step.page:
            people, fault = self._people_of(target)
            for person, why in people:
                found.setdefault(person, why)
            missing += [fault] if fault else []
        callees = [self._callee(person, why, severity) for person, why in found.items()]
        return Called(callees=tuple(callees), missing=tuple(missing))

    def _people_of(self, target: Target) -> tuple[list[tuple[str, str]], str]:
        if target.kind is TargetKind.PERSON:
            if target.name in self._people:
                return [(target.name, "named by the policy")], ""
            return [], f"person {target.name} is not in the catalog any more"
        if target.kind is TargetKind.SCHEDULE:
            person, fault = self._holder(target.name)
            return ([] if person is None else [(person, f"on call for {target.name}")]), fault
        if target.kind is TargetKind.SERVICE:
            return self._of_service(target.name)
        return self._of_team(target.name)

    def _of_service(self, name: str) -> tuple[list[tuple[str, str]], str]:
        """Whom its own policy pages first, else its owner's; else whoever is on call for its owner."""
        service = self.services.get(name)
        if service is None:
            return [], f"service {name} is not in the catalog"
        owner = service.owner or ""
        team = self._teams.get(owner)
        policies = (service.policy, None if team is None else team.policy)
        policy = next((self.policies[one] for one in policies if one is not None and one in self.policies), None)
        if policy is None:
            return self._of_team(owner) if owner else ([], f"service {name} has neither a policy nor an owner")
        # No step of a policy names a service.
        found = [self._people_of(target) for target in policy.steps[0].page]
        return [one for people, _ in found for one in people], "; ".join(fault for _, fault in found if fault)

    def _of_team(self, name: str) -> tuple[list[tuple[str, str]], str]:
        team = self._teams.get(name)
        if team is None:
            return [], f"team {name} is not in the catalog any more"
        held = [self._holder(schedule) for schedule in team.schedules]
        on_duty = [(person, f"on call for team {name}") for person, _ in held if person is not None]
        # Whom a gap leaves with nobody, all are called.
        people = on_duty or [(member, f"member of team {name}") for member in team.members]
        faults = [fault for _, fault in held if fault]
        return people, "; ".join(faults) or ("" if people else f"team {name} has neither members nor schedules")

    def _holder(self, name: str) -> tuple[str | None, str]:
        if name not in self._holders:
            self._holders[name] = self._found_holder(name)
        return self._holders[name]

    def _found_holder(self, name: str) -> tuple[str | None, str]:
        schedule = self._schedules.get(name)
        if schedule is None:
            return None, f"schedule {name} is not in the catalog any more"
        overrides: Sequence[Override] = [one.override for one in self._store.overrides(name, ends_after=self._now)]
        try:
            duty = duties(schedule, overrides, self._now, self._now + MINUTE)[0]
        except ConfigError as error:
            return None, str(error)
        if duty.person is None:
            return None, f"nobody is on call for {name}: {GAP_WORDS.get(duty.because, str(duty.because))}"
        if duty.person not in self._people:
            return None, f"{duty.person}, on call for {name}, is not in the catalog any more"
        return duty.person, ""

    def _callee(self, name: str, why: str, severity: Severity | None) -> Callee:
        person = self._people[name]
        contacts = contacts_of(name, person.contacts)
        ways = ways_of(
            contacts,
            rules_of(name, person.rules, contacts),
            verified=self._verified.get(name, frozenset()),
            severity=severity,
        )
        return Callee(person=name, why=why, ways=ways)

    def policy_for(self, services: Sequence[str], team: str | None) -> str | None:
        """Which policy pages for an incident of these services and that team; None: none does."""
        its = self._teams.get(team or "")
        named: list[str | None] = []
        for name in services:
            service = self.services.get(name)
            owner = None if service is None or service.owner is None else self._teams.get(service.owner)
            named += [None if service is None else service.policy, None if owner is None else owner.policy]
        named += [None if its is None else its.policy, DEFAULT_POLICY]
        # One that can be read no more must not keep the next one from paging.
        return next((name for name in named if name is not None and name in self.policies), None)
