"""Whom somebody wants to have paged, whatever the incident's own policy says."""

from collections.abc import Sequence

from resile.app.directory import Directory
from resile.app.growing import Growing
from resile.model.errors import ConfigError
from resile.model.event import Source
from resile.model.incident import Incident, value_of
from resile.model.policy import Called, Policy, Step, Target
from resile.model.room_event import CalledIn


def chosen_policy(
    directory: Directory, policy: str | None, targets: Sequence[Target], services: Sequence[str]
) -> Policy:
    """The policy of that name; without one, all targets at once; without these, as the services say.

    Raises:
        ConfigError: there is none, or it reaches nobody now.
    """
    if targets:
        chosen = Policy(name=", ".join(map(str, targets)), steps=(Step(page=tuple(targets)),))
    else:
        name = policy or directory.policy_for(services, None)
        if name is None:
            raise ConfigError("nobody answers for it; name a policy, a team, a schedule or a person")
        if name not in directory.policies:
            listed = ", ".join(sorted(directory.policies)[:20]) or "none"
            raise ConfigError(f"policy {name[:64]!r} is not in the catalog; there are {listed}")
        chosen = directory.policies[name]
    called = [directory.call(step, None) for step in chosen.steps]
    if not any(callee.ways for one in called for callee in one.callees):
        missing = "; ".join(dict.fromkeys(fault for one in called for fault in one.missing))
        raise ConfigError(f"{chosen.name} reaches nobody now ({missing or 'no contacts'}); page somebody else")
    return chosen


def answering_policy(directory: Directory, incident: Incident) -> Policy:
    """The policy that pages for an incident of its services and its team.

    Raises:
        ConfigError: there is none.
    """
    services: tuple[str, ...] = value_of(incident.services, ())
    name = directory.policy_for(services, value_of(incident.team, None))
    policy = None if name is None else directory.policies.get(name)
    if policy is None:
        raise ConfigError(f"no policy answers for {incident.id}; page somebody by name, or make a policy named default")
    return policy


def tell_called(growing: Growing, directory: Directory, targets: Sequence[Target], *, because: str) -> Called:
    """Tell for each target whom it comes to now; all of them together."""
    for target in targets:
        called = directory.call(Step(page=(target,)), None)
        people = tuple(callee.person for callee in called.callees)
        growing.tell(CalledIn, source=Source.HUMAN, target=str(target), people=people, because=because)
    return directory.call(Step(page=tuple(targets)), None)
