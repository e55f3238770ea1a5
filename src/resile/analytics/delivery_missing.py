"""What is not known of deliveries, in sentences that say how to make it known."""

import math
from datetime import datetime

import numpy as np
from ibis import Table

from resile.analytics.delivery_figures import DeliveryFigures
from resile.analytics.delivery_known import Deliveries, Key, is_asked
from resile.analytics.delivery_shipments import NONE
from resile.model.time import DAY, from_us, to_us

_CONNECT = "connect its deployments (`resile import git`, a webhook, or `POST /api/v1/deployments`)"
_N_NAMED = 10
# So improbable must a silence be, deployments coming as they did before, to be called one.
_SILENCE = 0.001


def missing_by_row(found: Deliveries, figures: DeliveryFigures) -> list[list[str]]:
    """For each row of the answer what is not known of it."""
    shipped, n_rows = found.shipped, len(found.keys)
    mine = np.flatnonzero(found.rows != NONE)
    rows = found.rows[mine]
    end_us = to_us(found.window.end)
    last_us = np.full(n_rows, -1, dtype=np.int64)
    is_until = shipped.at_us[mine] < end_us
    np.maximum.at(last_us, rows[is_until], shipped.at_us[mine][is_until])
    first_us = np.full(n_rows, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first_us, rows, shipped.at_us[mine])
    within = np.flatnonzero(found.in_window != NONE)
    n_blind = np.bincount(found.in_window[within][~shipped.knows_changes[within]], minlength=n_rows)
    return [
        [
            *_silence(found, row, int(figures.n[row]), int(last_us[row])),
            *_silence_before(found, row, int(figures.n[row]), int(first_us[row])),
            *_blind(key, int(n_blind[row]), int(figures.n[row])),
            *_skewed(int(figures.n_skewed[row])),
            *_unclear(int(figures.n_unclear[row])),
        ]
        for row, key in enumerate(found.keys)
    ]


def missing_at_all(found: Deliveries, deployments: Table) -> list[str]:
    """What is not known of no row in particular: deployments without a service or environment, incidents' services
    without any deployment, incidents that nobody knows.
    """  # noqa: D205 - one sentence
    return [*_unnamed(found, deployments), *_undeployed(found), *_unknown(found)]


def date(at: datetime) -> str:
    """A day as people write it: 3 May 2024."""
    return f"{at.day} {at:%B} {at.year}"


def name_of(key: Key) -> str:
    """A row's name in a sentence."""
    service, environment = key
    if service is None:
        return "deployments without a service" if environment else "all services asked for"
    return service


def _silence(found: Deliveries, row: int, n: int, last_us: int) -> list[str]:
    name = name_of(found.keys[row])
    if last_us < 0:
        return [f"no deployments known for {name}: {_CONNECT}"]
    since = date(from_us(last_us))
    if not n:
        return [f"no deployments known for {name} since {since}: {_CONNECT}"]
    span_us = last_us - to_us(found.window.start)
    quiet_us = to_us(found.window.end) - last_us
    if span_us > 0 and quiet_us > DAY.total_seconds() * 1e6 and math.exp(-n * quiet_us / span_us) < _SILENCE:
        return [f"no deployments known for {name} since {since}, though there were {n:,} before: {_CONNECT}"]
    return []


def _silence_before(found: Deliveries, row: int, n: int, first_us: int) -> list[str]:
    """A window that begins long before anything is known dilutes the frequency."""
    start_us, end_us = to_us(found.window.start), to_us(found.window.end)
    quiet_us, span_us = first_us - start_us, end_us - first_us
    if not n or span_us <= 0 or quiet_us <= DAY.total_seconds() * 1e6 or math.exp(-n * quiet_us / span_us) >= _SILENCE:
        return []
    name, since = name_of(found.keys[row]), date(from_us(first_us))
    sentence = (
        f"no deployments known for {name} before {since}, and its frequency is over the whole window: narrow the "
        "window, or import what was before"
    )
    return [sentence]


def _blind(key: Key, n_blind: int, n: int) -> list[str]:
    if not n_blind:
        return []
    sentence = (
        f"the commits of {n_blind:,} of {n:,} deployments of {name_of(key)} are not known, so that they count in lead "
        "time with those that are, or not at all: import its repository with `resile import git`"
    )
    return [sentence]


def _skewed(n: int) -> list[str]:
    if not n:
        return []
    sentence = (
        f"{_many(n, 'change')} younger than the deployment by {'its' if n == 1 else 'their'} clocks, and left out of "
        "lead time: check the clocks of who commits and who deploys"
    )
    return [sentence]


def _unclear(n: int) -> list[str]:
    if not n:
        return []
    sentence = (
        f"{_many(n, 'incident')} left out of recovery time: not detected, over nobody knows since when, or restored "
        "before detected; give the instants on the incident"
    )
    return [sentence]


def _unnamed(found: Deliveries, deployments: Table) -> list[str]:
    end, start = found.window.end, found.window.start
    table = deployments.filter(deployments.deployed_at >= start, deployments.deployed_at < end)
    row = table.aggregate(
        without_service=table.service.isnull().sum(), without_environment=table.environment.isnull().sum()
    ).to_pyarrow()
    sentences = []
    for name in ("service", "environment"):
        n = row[f"without_{name}"][0].as_py() or 0
        if n:
            sentences.append(
                f"{_many(n, 'deployment', 'have')} no {name}, and {'is' if n == 1 else 'are'} counted for none: "
                f"name the {name} where deployments are sent or imported"
            )
    return sentences


def _undeployed(found: Deliveries) -> list[str]:
    if found.query.services:
        return []
    failures, deployed = found.known.failures, {key[0] for key in found.shipped.keys if is_asked(found.query, key)}
    is_within = (failures.failed_us >= to_us(found.window.start)) & (failures.failed_us < to_us(found.window.end))
    sizes = np.bincount(failures.services.codes[is_within[failures.of]], minlength=len(failures.services.values))
    names = sorted(
        value
        for value, n in zip(failures.services.values, sizes.tolist(), strict=False)
        if n and value is not None and value not in deployed
    )
    if not names:
        return []
    more = f" and {len(names) - _N_NAMED:,} more" if len(names) > _N_NAMED else ""
    sentence = (
        f"no deployments known for {', '.join(names[:_N_NAMED])}{more}, though there were incidents: "
        f"{_CONNECT.replace('its', 'their')}"
    )
    return [sentence]


def _unknown(found: Deliveries) -> list[str]:
    attributed = found.known.attributed
    is_asked = (attributed.incident >= attributed.n_incidents) & (found.in_window[attributed.failed] != NONE)
    names = sorted(
        {attributed.unknown[place - attributed.n_incidents] for place in attributed.incident[is_asked].tolist()}
    )
    if not names:
        return []
    more = f" and {len(names) - _N_NAMED:,} more" if len(names) > _N_NAMED else ""
    sentence = (
        f"deployments are said to have caused incidents that nobody knows here ({', '.join(names[:_N_NAMED])}{more}): "
        "they count as failed, without a recovery time; import the incidents"
    )
    return [sentence]


def _many(n: int, noun: str, verb: str = "are") -> str:
    singular = {"are": "is", "have": "has"}[verb]
    return f"1 {noun} {singular}" if n == 1 else f"{n:,} {noun}s {verb}"
