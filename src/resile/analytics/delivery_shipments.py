"""From the facts to arrays: deployments that succeeded, in order, each with the one that it took the place of."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis import Table
from msgspec import Struct

from resile.analytics.batches import batches_of, whole
from resile.analytics.coded import Coded, Value, coded, combined
from resile.analytics.delivery_query import PRODUCTION
from resile.analytics.grouping import microseconds
from resile.analytics.ordered import Bools, Ints, in_pieces
from resile.analytics.threads import share

NONE = -1
_TEXTS = ("service", "environment", "repo", "version", "unplanned", "mends")


class Shipments(Struct, frozen=True):
    """Successful deployments, by service, then time, then id; whatever their window.

    Attributes:
        keys: service and environment of each group.
        groups: number of its group in `keys`.
        services, versions, unplanned, mends: as told; None where not.
        is_production: its environment is one that people depend on.
        environments: in lower case.
        at_us: when it first succeeded, microseconds since 1970.
        ids, commits: hashes of the deployment's id and of its commit; of unknown commits 0.
        lines: number of the line in which one takes the place of the other: service, environment, and repository
            where the service is made of several.
        before: place of the one before in its line; NONE for the first.
        knows_changes: the commits that it first brought are known.
    """

    keys: list[tuple[Value, ...]]
    groups: Ints
    services: Coded
    environments: Coded
    versions: Coded
    unplanned: Coded
    mends: Coded
    is_production: Bools
    at_us: Ints
    ids: Ints
    commits: Ints
    lines: Ints
    before: Ints
    knows_changes: Bools

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.at_us)


class Places:
    """Where each deployment stands among the shipments, by the hash of its id."""

    def __init__(self, ids: Ints) -> None:
        self._ids = ids

    def of(self, ids: Ints) -> Ints:
        """Their places; NONE for those that are not among them."""
        if not len(ids):
            return np.zeros(0, dtype=np.int64)
        # Those asked for are put in order: they are usually few.
        wanted, which = np.unique(ids, return_inverse=True)
        near = np.minimum(np.searchsorted(wanted, self._ids), len(wanted) - 1)
        here = np.flatnonzero(wanted[near] == self._ids)
        places: Ints = np.full(len(wanted), NONE, dtype=np.int64)
        places[near[here]] = here
        return places[which]


def shipments(deployments: Table, known_until: datetime | None) -> Shipments:
    """Fetch them, with one question to the engine.

    A hash of 64 bits stands for ids and commits: a million texts of 40 letters take longer to number than all the rest,
    and the odds that any two of a million share one are 1 in 37 million.

    Args:
        deployments: in the columns of analytics/delivery_facts.py.
        known_until: the present instant; what came later is not looked at.
    """
    wanted = successful(deployments, known_until).select(
        "service",
        "repo",
        "version",
        "unplanned",
        "mends",
        environment=deployments.environment.lower(),
        at=deployments.deployed_at,
        id_hash=deployments.deployment_id.hash(),
        commit_hash=deployments.sha.hash(),
        has_commit=deployments.sha.notnull(),
        knows_changes=deployments.n_changes.notnull(),
    )
    return _in_order(pa.Table.from_batches(batches_of(wanted), schema=wanted.schema().to_pyarrow()))


def successful(table: Table, known_until: datetime | None) -> Table:
    """Those that succeeded before the present instant.

    Args:
        table: deployments or changes in the columns of analytics/delivery_facts.py.
    """
    is_done = table.deployed_at.notnull()
    return table.filter(is_done if known_until is None else table.deployed_at <= ibis.literal(known_until))


def is_one_of(column: Any, values: Sequence[str]) -> Any:
    """Whether a column of text has one of the values, or any where there are none; the empty string stands for null."""
    if not values:
        return ibis.literal(True)  # noqa: FBT003 - Ibis takes a value
    named = [value for value in values if value]
    is_named = column.isin(named).fill_null(False) if named else ibis.literal(False)  # noqa: FBT003
    return is_named | column.isnull() if "" in values else is_named


def _in_order(table: pa.Table) -> Shipments:
    columns = [whole(table[name]) for name in _TEXTS]
    texts = dict(zip(_TEXTS, share(coded, columns), strict=True))
    commits = np.asarray(table["commit_hash"].fill_null(0))
    has_commit = table["has_commit"].to_numpy()
    numbers: dict[str, Any] = {
        "at_us": microseconds(whole(table["at"]), 0),
        "ids": np.asarray(table["id_hash"]),
        # 0 says that there is none.
        "commits": np.where(has_commit, np.where(commits == 0, 1, commits), 0),
        "knows_changes": table["knows_changes"].to_numpy(),
    }
    texts["service"] = _by_name(texts["service"])
    rows = _order(texts["service"].codes, numbers["at_us"], numbers["ids"])
    texts = {name: column.taken(rows) for name, column in texts.items()}
    numbers = {name: column[rows] for name, column in numbers.items()}
    keys, groups = combined([texts["service"], texts["environment"]], len(rows))
    lines = _lines(groups, texts["repo"], len(keys))
    production = np.array([value in PRODUCTION for value in texts["environment"].values], dtype=np.bool_)
    return Shipments(
        keys=keys,
        groups=groups,
        services=texts["service"],
        environments=texts["environment"],
        versions=texts["version"],
        unplanned=texts["unplanned"],
        mends=texts["mends"],
        is_production=production[texts["environment"].codes],
        lines=lines,
        before=before(lines),
        at_us=numbers["at_us"],
        ids=numbers["ids"],
        commits=numbers["commits"],
        knows_changes=numbers["knows_changes"],
    )


def _by_name(column: Coded) -> Coded:
    """The column with its values in order, None last, so that places do not hang on which row came first."""
    ranks = sorted(range(len(column.values)), key=lambda code: (column.values[code] is None, column.values[code] or ""))
    places: Ints = np.empty(len(ranks), dtype=np.int32)
    places[ranks] = np.arange(len(ranks), dtype=np.int32)
    return Coded([column.values[code] for code in ranks], places[column.codes])


def _order(services: Ints, at_us: Ints, ids: Ints) -> Ints:
    """Places by service, then time, then id: of instants at once the order does not hang on how they were stored."""
    if not len(at_us):
        return np.zeros(0, dtype=np.int64)
    n_in = np.bincount(services)
    # Of 16 bits, NumPy counts instead of comparing.
    rows = np.argsort(services.astype(np.uint16) if len(n_in) <= 1 << 16 else services, kind="stable")
    since_us = at_us[rows] - at_us.min()
    n_bits = int(n_in.max()).bit_length()
    if int(since_us.max()).bit_length() + n_bits > 63:  # noqa: PLR2004 - bits of an integer without its sign
        return np.lexsort((ids, at_us, services))
    edges = np.concatenate(([0], np.cumsum(n_in)))
    since_us <<= n_bits

    def sort(some: range) -> None:
        # Instant and place in one integer: sorting these is several times faster than sorting places by instants.
        bounds = edges[some.start : some.stop + 1].tolist()
        for first, last in pairwise(bounds):
            keys = since_us[first:last]
            keys |= np.arange(last - first)
            keys.sort()
            rows[first:last] = rows[first:last][keys & ((1 << n_bits) - 1)]

    share(sort, in_pieces(edges))
    since_us >>= n_bits
    return _untied(rows, since_us, services, ids)


def _untied(rows: Ints, since_us: Ints, services: Ints, ids: Ints) -> Ints:
    """Those of one service and instant by their ids; the others stay where they are."""
    is_tied = np.zeros(len(rows), dtype=np.bool_)
    is_tied[1:] = since_us[1:] == since_us[:-1]
    is_tied[:-1] |= is_tied[1:]
    tied = np.flatnonzero(is_tied)
    its = rows[tied]
    rows[tied] = its[np.lexsort((ids[its], since_us[tied], services[its]))]
    return rows


def _lines(groups: Ints, repos: Coded, n_groups: int) -> Ints:
    """The group, parted by repository where its deployments come from several.

    A deployment of one repository does not take the place of another's. Where all that name one name the same, those
    that name none belong to it too.
    """
    if not len(groups):
        return groups
    names = np.array([value is not None for value in repos.values], dtype=np.bool_)
    is_named = names[repos.codes]
    first = np.zeros(n_groups, dtype=np.int64)
    first[groups[is_named]] = repos.codes[is_named]
    is_other = is_named & (repos.codes != first[groups])
    if not is_other.any():
        return groups
    is_mixed = np.zeros(n_groups, dtype=np.bool_)
    is_mixed[groups[is_other]] = True
    _, lines = np.unique(
        groups.astype(np.int64) * len(repos.values) + np.where(is_mixed[groups], repos.codes, 0), return_inverse=True
    )
    return lines


def before(lines: Ints) -> Ints:
    """For each row the place of the row before it in its line; NONE for the first. Rows are in order of time."""
    rows = in_order_of(lines)
    is_next = lines[rows[1:]] == lines[rows[:-1]]
    found: Ints = np.full(len(lines), NONE, dtype=np.int64)
    found[rows[1:][is_next]] = rows[:-1][is_next]
    return found


def in_order_of(numbers: Ints) -> Ints:
    """Places in order of the numbers; those of one number stay in order."""
    if bool((numbers[1:] >= numbers[:-1]).all()):
        return np.arange(len(numbers))
    if int(numbers.min()) >= 0 and int(numbers.max()) < 1 << 16:
        return np.argsort(numbers.astype(np.uint16), kind="stable")
    return np.argsort(numbers, kind="stable")
