"""Deployments over time, one strip per service and environment, with the incidents they caused on it."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from resile.analytics.delivery_results import FailureLink
from resile.analytics.dora_words import place_name
from resile.analytics.ordered import Bools, Ints
from resile.analytics.query import Window
from resile.analytics.words import exact_duration
from resile.model.time import to_us
from resile.web.pages.pictures.scales import Mark, TimeScale, xy
from resile.web.pages.rendering import path_part

WIDTH = 1000.0
# More strips than this are no picture any more; the filters choose others.
MOST_STRIPS = 12
# So many failed deployments can be opened from a strip; the table holds all.
MOST_SIGNS = 300
# Ticks fall on half units: closer ones could not be told apart.
_GRID = 2.0

Place = tuple[str | None, str | None]
# The links of the deployments in these rows.
LinksOf = Callable[[Ints], Sequence[FailureLink]]


class Sign(Struct, frozen=True):
    """A failed deployment on its strip; `x` is a share of the width."""

    x: str
    href: str
    title: str


class Bar(Struct, frozen=True):
    """The incident that a deployment caused, from detection to restoration."""

    x: str
    width: str
    href: str
    title: str
    is_open: bool


class Strip(Struct, frozen=True, kw_only=True):
    """One service and environment.

    Attributes:
        ticks: all successful deployments as one path, in units of WIDTH.
        n_unsigned: failed deployments that have no sign, for there are too many.
    """

    place: Place
    name: str
    n: int
    n_failed: int
    ticks: str
    signs: list[Sign]
    bars: list[Bar]
    n_unsigned: int


class Strips(Struct, frozen=True, kw_only=True):
    """All strips on one axis of time; `n_hidden` further ones are not shown."""

    marks: list[Mark]
    strips: list[Strip]
    n_hidden: int
    width: float = WIDTH

    @property
    def has_open(self) -> bool:
        """Whether an incident on it is not restored yet."""
        return any(bar.is_open for strip in self.strips for bar in strip.bars)


def strips(deployments: pa.Table, has_failed: Bools, links_of: LinksOf, window: Window, *, until: datetime) -> Strips:
    """Lay out the picture, the strips with most deployments first.

    Args:
        deployments: deployment_id, service, environment, deployed_at of those that succeeded in the window.
        has_failed: row by row.
        links_of: asked once, for the newest failed ones of what is shown.
        until: the present: incidents that are still open last until here.
    """
    x = TimeScale(window.start, window.end, 0.0, WIDTH)
    at_us = deployments["deployed_at"].cast(pa.int64()).to_numpy()
    codes, places = _places(deployments)
    sizes = np.bincount(codes, minlength=len(places))
    order = np.argsort(-sizes, kind="stable").tolist()
    failed = np.flatnonzero(has_failed)
    failed = failed[np.argsort(-at_us[failed], kind="stable")]
    failed_in = {code: failed[codes[failed] == code] for code in order[:MOST_STRIPS]}
    signed = [rows[:MOST_SIGNS] for rows in failed_in.values()]
    strongest = _strongest(links_of(np.concatenate(signed))) if len(failed) else {}

    def strip(code: int) -> Strip:
        newest = failed_in[code][:MOST_SIGNS]
        names = deployments["deployment_id"].take(newest).to_pylist()
        told = [(name, moment, strongest[name]) for name, moment in zip(names, at_us[newest].tolist(), strict=True)]
        return _strip(places[code], x, at_us[codes == code], told, n_failed=len(failed_in[code]), until=until)

    shown = [strip(code) for code in order[:MOST_STRIPS]]
    return Strips(marks=x.marks(), strips=shown, n_hidden=max(len(order) - MOST_STRIPS, 0))


def _places(deployments: pa.Table) -> tuple[NDArray[np.int64], list[Place]]:
    """For each row the number of its place, and the places."""
    services, environments = (
        deployments[name].combine_chunks().dictionary_encode(null_encoding="encode")
        for name in ("service", "environment")
    )
    n_environments = max(len(environments.dictionary), 1)
    both = services.indices.to_numpy().astype(np.int64) * n_environments + environments.indices.to_numpy()
    known, codes = np.unique(both, return_inverse=True)
    named = [
        (
            services.dictionary[number // n_environments].as_py(),
            environments.dictionary[number % n_environments].as_py(),
        )
        for number in known.tolist()
    ]
    return codes, named


def _strongest(links: Sequence[FailureLink]) -> dict[str, FailureLink]:
    found: dict[str, FailureLink] = {}
    for link in links:
        if link.deployment_id not in found or link.confidence > found[link.deployment_id].confidence:
            found[link.deployment_id] = link
    return found


def _strip(
    place: Place,
    x: TimeScale,
    at_us: NDArray[np.int64],
    signed: list[tuple[str, int, FailureLink]],
    *,
    n_failed: int,
    until: datetime,
) -> Strip:
    start, end = to_us(x.start), to_us(x.end_at)
    across = (at_us - start) / (end - start) * WIDTH
    places = np.unique(np.rint(across * _GRID)) / _GRID
    signs: list[Sign] = []
    bars: list[Bar] = []
    for deployment_id, moment, link in signed:
        share = (moment - start) / (end - start) * 100
        href = f"/deployments/{path_part(deployment_id)}"
        signs.append(Sign(f"{share:.2f}%", href, f"{deployment_id}: {link.reason}"))
        if link.incident_id is not None:
            bars.append(_bar(link, link.incident_id, x, until))
    return Strip(
        place=place,
        name=place_name(*place),
        n=len(at_us),
        n_failed=n_failed,
        ticks="".join(f"M{px:g} 0v1" for px in places.tolist()),
        signs=signs,
        # What is not over yet first: the short ones lie on top of it.
        bars=sorted(bars, key=lambda bar: not bar.is_open),
        n_unsigned=n_failed - len(signed),
    )


def _bar(link: FailureLink, incident_id: str, x: TimeScale, until: datetime) -> Bar:
    ended = link.restored_at or until
    begin, end = x(link.failed_at), x(max(ended, link.failed_at))
    lasted = exact_duration((ended - link.failed_at).total_seconds())
    is_open = link.restored_at is None
    return Bar(
        f"{begin / WIDTH * 100:.2f}%",
        f"{xy((end - begin) / WIDTH * 100)}%",
        f"/incidents/{path_part(incident_id)}",
        f"{incident_id}: {lasted}{' so far, open' if is_open else ''}",
        is_open,
    )
