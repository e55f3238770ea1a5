"""Millions of simulated incident facts, drawn column by column, for measurements of speed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from resile.analytics.facts import FACTS_SCHEMA
from resile.model.incident import InstantName
from resile.model.severity import Severity
from resile.model.time import to_us

Integers = npt.NDArray[np.int64]

N_SERVICES = 50
N_TEAMS = 12
FIRST = datetime(2021, 1, 4, tzinfo=UTC)
N_WEEKS = 260

_SEVERITY_SHARES = (0.04, 0.13, 0.42, 0.30, 0.11)
_CAUSES = ("deployment", "configuration", "dependency", "capacity", "hardware", "unknown")
_REGIONS = ("eu-central", "us-east", "ap-southeast")
# Median seconds and sigma of the logarithm, from impact to detection and on to closing.
_PHASES = ((600, 1.1), (360, 0.9), (1500, 1.1), (1500, 1.0), (900, 0.9), (36_000, 1.0))
# How often an instant is known; detection always is.
_KNOWN = (0.82, 1.0, 0.94, 0.76, 0.70, 0.985, 0.72)
_EXCLUSIONS = ("planned", "noise", "drill", "merged")
_EXCLUDED = 0.1
_CONTRADICTORY = 0.006
_REOPENED = 0.03
_SPREADING = 0.05
_US = 1_000_000


def simulated_facts(n: int, rng: np.random.Generator) -> pa.Table:
    """A table of `n` incidents in FACTS_SCHEMA; about 0.5 GB per million."""
    return pa.Table.from_batches(simulated_fact_batches(n, rng), schema=FACTS_SCHEMA)


def simulated_fact_batches(n: int, rng: np.random.Generator, *, batch_rows: int = 100_000) -> Iterator[pa.RecordBatch]:
    """The same, batch by batch, so that memory does not grow with `n`: 5 severities × 50 services × 260 weeks."""
    for first in range(0, n, batch_rows):
        yield _batch(first, min(batch_rows, n - first), rng)


def _batch(first: int, n: int, rng: np.random.Generator) -> pa.RecordBatch:
    service = (rng.random(n) ** 2 * N_SERVICES).astype(np.int64)
    severity = rng.choice(len(_SEVERITY_SHARES), size=n, p=_SEVERITY_SHARES)
    instants = _instants(n, severity, rng)
    ref = pa.array([f"{number:08d}" for number in range(first, first + n)])
    columns: dict[str, Any] = {
        "incident_id": pa.array([f"simulated:{number:08d}" for number in range(first, first + n)]),
        "title": _pick([f"service-{s:02d}: latency above its objective" for s in range(N_SERVICES)], service),
        "severity": _pick([severity.value for severity in Severity], severity),
        "service": _pick([f"service-{s:02d}" for s in range(N_SERVICES)], service),
        "other_services": _other_services(service, rng),
        "team": _pick([f"team-{t:02d}" for t in range(N_TEAMS)], service % N_TEAMS),
        "origin": _pick(["simulated"], np.zeros(n, dtype=np.int64)),
        "ref": ref,
        "labels": _labels(n, rng),
        "exclusion": _pick(list(_EXCLUSIONS), rng.integers(len(_EXCLUSIONS), size=n), rng.random(n) >= _EXCLUDED),
        "is_contradictory": pa.array(_contradicted(instants, rng)),
        "n_reopened": pa.array((rng.random(n) < _REOPENED).astype(np.int32)),
        "page_queued_at": pa.nulls(n),
        "paged_at": pa.nulls(n),
        "playbooks_opened": pa.nulls(n),
        "playbooks_used": pa.nulls(n),
        "n_events": pa.array(np.full(n, 8, dtype=np.int32)),
        "last_recorded_at": _times(instants[-1], np.zeros(n, dtype=bool)),
        "declared_at": _times(instants[0], np.zeros(n, dtype=bool)),
    }
    is_unknown = [rng.random(n) >= share for share in _KNOWN]
    columns["status"] = _status(is_unknown)
    sources = ["measured", "human", "reported", "inferred"]
    for name, at, unknown in zip(InstantName, instants, is_unknown, strict=True):
        columns[name.value] = _times(at, unknown)
        columns[f"{name.value}_source"] = _pick(sources, rng.integers(len(sources), size=n), unknown)
    arrays = [columns[field.name].cast(field.type) for field in FACTS_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=FACTS_SCHEMA)


def _instants(n: int, severity: Integers, rng: np.random.Generator) -> list[Integers]:
    """Microseconds since 1970 of the seven instants, in order; log-normal lengths, worse incidents shorter."""
    at = to_us(FIRST) + rng.integers(N_WEEKS * 7 * 86_400, size=n) * _US
    pace = np.array([0.45, 0.75, 1.3, 3.0, 6.0])[severity]
    instants = [at]
    for median, sigma in _PHASES:
        lasted_s = median * pace * np.exp(sigma * rng.standard_normal(n))
        at = at + np.maximum(1, lasted_s).astype(np.int64) * _US
        instants.append(at)
    return instants


def _contradicted(instants: list[Integers], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Move the restoration of a few before their detection, in place; which ones."""
    names = list(InstantName)
    detected, restored = names.index(InstantName.DETECTED), names.index(InstantName.RESTORED)
    wrong: npt.NDArray[np.bool_] = rng.random(len(instants[0])) < _CONTRADICTORY
    instants[restored] = np.where(wrong, instants[detected] - 3600 * _US, instants[restored])
    return wrong


def _times(at_us: Integers, is_unknown: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.array(at_us, mask=is_unknown).cast(pa.timestamp("us", tz="UTC"))


def _pick(values: list[str], which: Integers, is_null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(which, mask=is_null), pa.array(values)).cast(pa.string())


def _other_services(service: Integers, rng: np.random.Generator) -> pa.Array:
    """One further service for one incident in twenty, null for the others."""
    has_other = rng.random(len(service)) < _SPREADING
    names = _pick([f"service-{s:02d}" for s in range(N_SERVICES)], (service[has_other] + 1) % N_SERVICES)
    offsets = np.concatenate([[0], np.cumsum(has_other)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), names, mask=pa.array(~has_other))


def _labels(n: int, rng: np.random.Generator) -> pa.Array:
    """Two labels each: cause and region."""
    keys = _pick(["cause", "region"], np.tile(np.array([0, 1]), n))
    which = np.empty(2 * n, dtype=np.int64)
    which[0::2] = rng.integers(len(_CAUSES), size=n)
    which[1::2] = len(_CAUSES) + rng.integers(len(_REGIONS), size=n)
    offsets = pa.array(np.arange(0, 2 * n + 1, 2, dtype=np.int32))
    return pa.MapArray.from_arrays(offsets, keys, _pick([*_CAUSES, *_REGIONS], which))


def _status(is_unknown: list[npt.NDArray[np.bool_]]) -> pa.Array:
    """The furthest known instant's word, as model/phases.py has it."""
    names = list(InstantName)
    words = ["open", *(name.value for name in names)]
    which = np.zeros(len(is_unknown[0]), dtype=np.int64)
    for number, name in enumerate(names):
        if name not in {InstantName.IMPACT_BEGAN, InstantName.DETECTED}:
            which = np.where(is_unknown[number], which, number + 1)
    return _pick(words, which)
