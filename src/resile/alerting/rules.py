"""What people said of alerts: routes, inhibitions, silences, and which services and policies there are."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from resile.model.route import DEFAULT_ROUTE, Inhibition, Route
from resile.model.silence import Silence

DEFAULT_POLICY = "default"


class KnownService(Struct, frozen=True, kw_only=True):
    """A service of the catalog.

    Attributes:
        near: services that it depends on, or that depend on it.
    """

    name: str
    owner: str | None = None
    policy: str | None = None
    near: frozenset[str] = frozenset()


class Rules(Struct, frozen=True, kw_only=True):
    """All of it, as of one moment.

    Attributes:
        routes: in the order in which they are asked.
        services: by name; aliases: name of the service by what alerts call it, in lower case.
        team_policies: by team; policies: those that there are.
    """

    routes: tuple[Route, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    silences: tuple[Silence, ...] = ()
    services: Mapping[str, KnownService] = {}
    aliases: Mapping[str, str] = {}
    team_policies: Mapping[str, str | None] = {}
    policies: frozenset[str] = frozenset()

    def service_named(self, said: str | None) -> str | None:
        """The service that an alert means, by name or alias; a service that is not in the catalog stays as said."""
        if said is None or said in self.services:
            return said
        return self.aliases.get(said.casefold(), said)

    def owner_of(self, service: str | None) -> str | None:
        """The team that owns a service."""
        known = self.services.get(service or "")
        return None if known is None else known.owner

    def are_near(self, one: str, other: str) -> bool:
        """Whether the one depends on the other, either way."""
        known = self.services.get(one)
        return known is not None and other in known.near

    def around(self, services: Collection[str]) -> set[str]:
        """These services and those next to them, by all names that an alert may call them by."""
        known = (self.services.get(name) for name in services)
        names = set(services).union(*(one.near for one in known if one is not None))
        return names | {alias for alias, name in self.aliases.items() if name in names}

    def policy_for(self, route: Route, service: str | None, team: str | None) -> tuple[str | None, str]:
        """By which policy an incident pages, and whose that is; None: by none."""
        known = self.services.get(service or "")
        owner = None if known is None else known.owner
        for policy, whose in (
            (route.policy, f"of route {route.name}"),
            (None if known is None else known.policy, f"of service {service}"),
            (self.team_policies.get(owner or ""), f"of team {owner}, which owns {service}"),
            (self.team_policies.get(team or ""), f"of team {team}"),
            (DEFAULT_POLICY, "for whatever has no other"),
        ):
            if policy is not None and policy in self.policies:
                return policy, whose
        return None, "no policy fits, and there is none named default"


def in_order(routes: list[Route]) -> tuple[Route, ...]:
    """Routes as they are asked: the lowest order first, then by name; the default route is the last."""
    return (*sorted(routes, key=lambda route: (route.order, route.name)), DEFAULT_ROUTE)
