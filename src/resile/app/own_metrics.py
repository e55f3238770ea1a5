"""resile's own metrics: how long messages dwelt, how paging stands, and whether it goes on; for Prometheus."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from time import monotonic
from typing import Any

import structlog
from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client import Counter as Counted
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from resile import __version__
from resile.app.access import Identity
from resile.app.wiring import Resile
from resile.model.errors import StoreError
from resile.model.message import Message, MessageClass, MessageState
from resile.model.time import DAY
from resile.ports.account_store import Scope

# By which a page is late, or is not; what takes longer than the last is late whatever it is.
_DWELL_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900)
_ARRIVAL_S = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3_600)
# So long one look at the stores serves everybody who asks.
_FRESH_FOR_S = 5.0
# Channels that nobody set up have one name together: anybody may write any name into the catalog.
OTHER = "other"
_SELF = Identity(by="resile", name="resile", scopes=frozenset(Scope))
_log = structlog.get_logger()
# When a series began is of no use to anybody, and doubles their number.
disable_created_metrics()  # type: ignore[no-untyped-call]


class OwnMetrics:
    """Hears what happens in this process, and looks how things stand when it is asked.

    Args:
        channels: those that are set up, by name.
    """

    def __init__(self, resile: Resile, channels: Collection[str]) -> None:
        self._channels = frozenset(channels)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._standing = _Standing(resile)
        self._registry.register(self._standing)
        labels = ("channel", "class")
        self._dwell = Histogram(
            "resile_message_dwell_seconds",
            "From when a message was due until it was handed to its provider.",
            labels,
            buckets=_DWELL_S,
            registry=self._registry,
        )
        self._sending = Histogram(
            "resile_message_send_seconds",
            "How long the provider took to take it.",
            labels,
            buckets=_DWELL_S,
            registry=self._registry,
        )
        self._arrival = Histogram(
            "resile_message_delivery_seconds",
            "From when a message was handed over until its provider said that it arrived.",
            labels,
            buckets=_ARRIVAL_S,
            registry=self._registry,
        )
        self._failed = Counted(
            "resile_message_failures",
            "Tries to hand over a message that were refused, or of which nobody knows.",
            (*labels, "outcome"),
            registry=self._registry,
        )

    def follow(self, silent_s: Callable[[], Mapping[str, float]]) -> None:
        """Tell of loops, too: how many seconds ago each of them turned last."""
        self._standing.silent_s = silent_s

    def sent(self, message: Message, *, dwell_s: float, took_s: float) -> None:
        """One was handed over so long after it was due; the call took so long."""
        its = self._labels(message)
        self._dwell.labels(*its).observe(max(dwell_s, 0.0) + took_s)
        self._sending.labels(*its).observe(max(took_s, 0.0))

    def delivered(self, message: Message, *, took_s: float) -> None:
        """One arrived so long after it was handed over."""
        self._arrival.labels(*self._labels(message)).observe(max(took_s, 0.0))

    def failed(self, message: Message, *, is_uncertain: bool) -> None:
        """One was not, or nobody knows."""
        self._failed.labels(*self._labels(message), "uncertain" if is_uncertain else "refused").inc()

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def _labels(self, message: Message) -> tuple[str, str]:
        channel = message.channel if message.channel in self._channels else OTHER
        return channel, message.message_class.value


class _Standing(Collector):
    """How things stand in the stores, looked at when somebody asks, and not more often than every few seconds."""

    def __init__(self, resile: Resile) -> None:
        self._resile = resile
        self._guard = threading.Lock()
        self._seen: tuple[float, list[Metric]] | None = None
        self.silent_s: Callable[[], Mapping[str, float]] = dict

    def describe(self) -> Iterable[Metric]:
        """Nothing: looking into the stores is not needed to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything that is looked at."""
        yield _gauge("resile_build_info", "Which resile this is.", {(__version__,): 1}, "version")
        silent = {(name,): seconds for name, seconds in self.silent_s().items()}
        yield _gauge("resile_loop_silent_seconds", "Since a loop of the engine turned last.", silent, "loop")
        with self._guard:
            if self._seen is None or monotonic() - self._seen[0] > _FRESH_FOR_S:
                self._seen = monotonic(), self._looked()
            seen = self._seen[1]
        yield from seen

    def _looked(self) -> list[Metric]:
        try:
            found = [*self._paging(), *self._doors()]
        except StoreError as error:
            _log.warning("metrics not read", error=str(error))
            return [_gauge("resile_store_up", "Whether the stores can be read.", {(): 0})]
        return [*found, _gauge("resile_store_up", "Whether the stores can be read.", {(): 1})]

    def _paging(self) -> Iterator[Metric]:
        store, now = self._resile.paging, self._resile.clock.now()
        counts = store.counts(since=now - DAY).by_state
        by_state = {
            (one.value, state.value): counts.get((one, state), 0) for one in MessageClass for state in MessageState
        }
        words = "Messages that wait or are being sent; of those that are over, the ones queued within a day."
        yield _gauge("resile_messages", words, by_state, "class", "state")
        states = Counter((one.state.value,) for one in store.open_escalations())
        yield _gauge("resile_escalations", "Incidents whose paging is not over.", states, "state")
        outcomes = {(outcome.value,): n_alerts for outcome, n_alerts in store.firing_outcomes().items()}
        yield _gauge("resile_alerts_firing", "Alerts that fire, by what became of them.", outcomes, "outcome")
        lags = {"tick": store.next_timer_at(), "outbox": store.next_message_at()}
        for name, words in (
            ("tick", "By how much the timer that was due first is late."),
            ("outbox", "By how much the message that was due first is late."),
        ):
            yield _gauge(f"resile_{name}_lag_seconds", words, {(): _late_s(lags[name], now)})

    def _doors(self) -> Iterator[Metric]:
        received, refused, held = Counter[tuple[str, ...]](), Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
        for door in self._resile.doors.listed(_SELF):
            counts = door.counts
            received[door.kind,] += counts.n_received
            refused[door.kind,] += counts.n_refused
            held[door.kind, "waiting"] += counts.n_waiting
            held[door.kind, "unmapped"] += counts.n_unmapped
            held[door.kind, "failed"] += counts.n_failed
        yield _counter("resile_door_received", "Deliveries taken, by the kind of door.", received, "kind")
        yield _counter("resile_door_refused", "Deliveries turned away for want of a right signature.", refused, "kind")
        words = "Deliveries in the journal that wait, mean nothing, or could not be processed."
        yield _gauge("resile_door_deliveries", words, held, "kind", "state")
        n_waiting = sum(n for (_, state), n in held.items() if state == "waiting")
        yield _gauge("resile_journal_waiting", "Deliveries that wait to be processed.", {(): n_waiting})


def _late_s(due_at: datetime | None, now: datetime) -> float:
    return 0.0 if due_at is None else max((now - due_at).total_seconds(), 0.0)


def _gauge(name: str, words: str, values: Mapping[Any, float], *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for its, value in sorted(values.items()):
        family.add_metric(its, value)
    return family


def _counter(name: str, words: str, values: Mapping[Any, float], *labels: str) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=labels)
    for its, value in sorted(values.items()):
        family.add_metric(its, value)
    return family
