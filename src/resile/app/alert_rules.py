"""The documents of the catalog, and the silences, as the rules that alerts are decided by."""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from resile.alerting.rules import KnownService, Rules, in_order
from resile.app.catalog import Catalog
from resile.model.alert_documents import InhibitionDocument, RouteDocument, inhibition_of, route_of
from resile.model.catalog import Kind, Service
from resile.model.paging_documents import PolicyDocument
from resile.ports.silence_book import SilenceBook

_KINDS = (Kind.SERVICE, Kind.TEAM, Kind.POLICY, Kind.ROUTE, Kind.INHIBITION)
Stamp = frozenset[tuple[str, str, int]]


class AlertRules:
    """Gives the rules as of a moment; what the catalog says is compiled once, until it says something else."""

    def __init__(self, catalog: Catalog, silences: SilenceBook) -> None:
        self._catalog = catalog
        self._silences = silences
        self._compiled: tuple[Stamp, Rules] | None = None

    def at(self, now: datetime) -> Rules:
        """The rules, with the silences that are not over."""
        versions = self._catalog.versions()
        stamp = frozenset((kind.value, name, one.number) for (kind, name), one in versions.items() if kind in _KINDS)
        # Kept as one value: another thread sees the old one or the new one.
        compiled = self._compiled
        if compiled is None or compiled[0] != stamp:
            compiled = self._compiled = stamp, self._rules()
        return replace(compiled[1], silences=tuple(self._silences.silences(now=now)))

    def _rules(self) -> Rules:
        catalog = self._catalog
        services = catalog.all_of(Kind.SERVICE, Service)
        routes = catalog.all_of(Kind.ROUTE, RouteDocument)
        inhibitions = catalog.all_of(Kind.INHIBITION, InhibitionDocument)
        return Rules(
            routes=in_order([route_of(name, told) for name, told in routes.items()]),
            inhibitions=tuple(inhibition_of(name, told) for name, told in sorted(inhibitions.items())),
            services=_known(services),
            aliases=_aliases(services),
            team_policies={name: team.policy for name, team in catalog.teams().items()},
            policies=frozenset(catalog.all_of(Kind.POLICY, PolicyDocument)),
        )


def _known(services: Mapping[str, Service]) -> dict[str, KnownService]:
    near: dict[str, set[str]] = {name: set(told.depends_on) for name, told in services.items()}
    for name, told in services.items():
        for other in told.depends_on:
            near.setdefault(other, set()).add(name)
    return {
        name: KnownService(name=name, owner=told.owner, policy=told.policy, near=frozenset(near[name] - {name}))
        for name, told in services.items()
    }


def _aliases(services: Mapping[str, Service]) -> dict[str, str]:
    """Also names in other cases; where two services claim an alias, the first by name has it."""
    found: dict[str, str] = {}
    for name, told in sorted(services.items()):
        for alias in told.aliases:
            found.setdefault(alias.casefold(), name)
    return {**found, **{name.casefold(): name for name in services}}
