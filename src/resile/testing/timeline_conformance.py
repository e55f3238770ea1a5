"""What every TimelineStore must do, whatever it is made of.

Subclass and give the fixture `open_store`; each call opens the same data once more.

    class TestMyStore(TimelineStoreConformance):
        @pytest.fixture
        def open_store(self, tmp_path): return lambda: MyStore(tmp_path)
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.model.draft import AsOf
from resile.model.errors import ConflictError, StoreError
from resile.model.event import (
    Corrected,
    Declared,
    Described,
    Detected,
    Event,
    Noted,
    Restored,
    Source,
)
from resile.model.severity import Severity
from resile.ports.timeline_store import Append, TimelineStore
from resile.testing.timeline_model import START, WISHES, agree_with_model, append_of, note

OpenStore = Callable[[], TimelineStore]
_N_THREADS = 4
_N_APPENDS = 15
_PATIENCE_S = 60.0


class TimelineStoreConformance:
    """Tests to be run over a store."""

    @pytest.fixture
    def store(self, open_store: OpenStore) -> Iterator[TimelineStore]:
        """The store, open."""
        opened = open_store()
        yield opened
        opened.close()

    def test_new_store_is_empty(self, store: TimelineStore) -> None:
        """Nothing anywhere, and no errors."""
        assert store.last_seq() == 0
        assert store.n_incidents() == 0
        assert store.read("a") == []
        assert store.read_many(["a", "b"]) == {}
        assert store.follow(0) == []
        assert list(store.incidents_changed(0, 10)) == []
        assert store.taken("table", ["a"]) == {}

    def test_events_come_back_as_they_were_appended(self, store: TimelineStore) -> None:
        """To the microsecond, the label, the sign of words in any script."""
        at = START + timedelta(days=400, microseconds=1)
        common: dict[str, Any] = {"at": at, "recorded_at": at, "by": "import:x", "source": Source.REPORTED}
        timeline: tuple[Event, ...] = (
            Declared(
                id="00001",
                title='Zahlung "hängt" 🟥\n\x00\\',
                severity=Severity.SEV1,
                services=("checkout", "søk"),
                labels={"cause": "", "Ü": "ß"},
                origin="x",
                ref="1",
                **common,
            ),
            Detected(id="00002", **common),
            Restored(id="00003", at=at + timedelta(hours=1), recorded_at=at, by="user:ann", source=Source.MEASURED),
            Described(id="00004", team=None, labels={"cause": None}, **common),
            Corrected(id="00005", event_id="00003", to=None, **common),
        )

        store.append([Append("x:1", 0, timeline)])

        assert store.read("x:1") == list(timeline)
        assert [stored.event for stored in store.follow(0)] == list(timeline)
        assert list(store.incidents_changed(0, store.last_seq())) == [("x:1", list(timeline))]

    def test_seqs_rise_over_the_store_and_versions_within_a_timeline(self, store: TimelineStore) -> None:
        """What append gives back is the seq of the last event."""
        first = store.append([append_of("a", 1, 2), append_of("b", 1)])
        second = store.append([append_of("a", 3)])

        told = store.follow(0)
        seqs = [stored.seq for stored in told]
        assert seqs == sorted(set(seqs))
        assert [(stored.incident_id, stored.version) for stored in told] == [("a", 1), ("a", 2), ("b", 1), ("a", 3)]
        assert (first, second) == (seqs[2], seqs[3])
        assert store.last_seq() == second
        assert store.n_incidents() == 2  # noqa: PLR2004 - a and b

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_append_at_another_version_conflicts_and_leaves_nothing(self, store: TimelineStore, expected: int) -> None:
        """Not even of the other timelines of the batch, nor what was taken."""
        store.append([append_of("a", 1, 2)])
        before = store.last_seq()

        with pytest.raises(ConflictError, match="a"):
            store.append(
                [
                    append_of("b", 1, taken=("table", "b", b"1")),
                    Append("a", expected, (note(9),)),
                    append_of("c", 1),
                ]
            )

        assert store.last_seq() == before
        assert store.read_many(["b", "c"]) == {}
        assert store.read("a") == [note(1), note(2)]
        assert store.n_incidents() == 1
        assert store.taken("table", ["b"]) == {}

    def test_append_to_a_timeline_that_is_not_there_conflicts(self, store: TimelineStore) -> None:
        """An expected version above 0 means that somebody saw it."""
        with pytest.raises(ConflictError, match="a"):
            store.append([append_of("a", 2)])

        assert store.last_seq() == 0

    def test_event_id_that_the_timeline_holds_already_conflicts(self, store: TimelineStore) -> None:
        """Corrections aim at event ids, so each may be there once."""
        store.append([append_of("a", 1)])

        with pytest.raises(ConflictError, match="a"):
            store.append([append_of("b", 1), Append("a", 1, (note(1, "again"),))])
        with pytest.raises(ConflictError, match="c"):
            store.append([Append("c", 0, (note(1), note(1)))])

        assert store.read("a") == [note(1)]
        assert store.n_incidents() == 1

    def test_one_batch_may_append_twice_to_a_timeline(self, store: TimelineStore) -> None:
        """The second expects the version that the first leaves."""
        store.append([append_of("a", 1, 2), append_of("b", 1), append_of("a", 3)])

        assert store.read("a") == [note(1), note(2), note(3)]
        store.append([append_of("a", 4)])

    def test_append_without_events_remembers_what_was_taken(self, store: TimelineStore) -> None:
        """It makes no timeline, and its expected version counts all the same."""
        last = store.append([append_of("a", 1)])

        assert store.append([Append("b", 0, (), ("table", "b", b"1"))]) == last
        assert store.append([]) == last

        assert store.n_incidents() == 1
        assert store.taken("table", ["b"]) == {"b": b"1"}
        with pytest.raises(ConflictError):
            store.append([Append("a", 0, ())])

    def test_last_digest_taken_of_a_ref_holds(self, store: TimelineStore) -> None:
        """By origin and ref, within a batch and over batches."""
        store.append([append_of("a", 1, taken=("table", "1", b"old")), append_of("b", 1, taken=("other", "1", b"b"))])
        store.append([append_of("a", 2, taken=("table", "1", b"mid")), append_of("a", 3, taken=("table", "1", b"\0"))])

        assert store.taken("table", ["1", "2"]) == {"1": b"\0"}
        assert store.taken("other", ["1"]) == {"1": b"b"}
        assert store.taken("table", []) == {}

    def test_latest_instant_told_as_of_holds_and_refuses_earlier_ones(self, store: TimelineStore) -> None:
        """By origin and ref; with an earlier one nothing of the batch is appended."""
        as_of = [AsOf(START + timedelta(microseconds=n // 2), START + timedelta(days=n % 2)) for n in range(4)]
        store.append([append_of("a", 1, taken=("table", "1", b"a"), as_of=as_of[2])])
        store.append([append_of("b", 1, taken=("other", "1", b"b"), as_of=as_of[1]), append_of("c", 1)])

        for earlier in as_of[:2]:
            with pytest.raises(ConflictError, match="as of"):
                store.append(
                    [append_of("d", 1), append_of("a", 2, taken=("table", "1", b"older"), as_of=earlier)],
                )
        assert store.read_many(["a", "d"]) == {"a": [note(1)]}
        assert store.taken("table", ["1"]) == {"1": b"a"}
        assert store.taken_as_of("table", ["1", "2"]) == {"1": as_of[2]}
        store.append([append_of("a", 2, taken=("table", "1", b"same"), as_of=as_of[2])])
        store.append([append_of("a", 3, taken=("table", "1", b"undated"))])
        store.append([Append("a", 3, (), ("table", "1", b"later"), as_of[3])])
        assert store.taken_as_of("table", ["1", "2"]) == {"1": as_of[3]}
        assert store.taken_as_of("other", ["1"]) == {"1": as_of[1]}
        assert store.taken_as_of("table", []) == {}

    def test_one_batch_is_not_taken_as_of_earlier_after_later(self, store: TimelineStore) -> None:
        """As if each append had been a transaction of its own."""
        earlier, later = AsOf(START, START), AsOf(START, START + timedelta(seconds=1))
        appends = [append_of("a", n, taken=("t", "1", b"1"), as_of=at) for n, at in ((1, earlier), (2, later))]

        store.append(appends)

        assert store.taken_as_of("t", ["1"]) == {"1": later}
        with pytest.raises(ConflictError):
            store.append([append_of("b", n, taken=("t", "2", b"1"), as_of=at) for n, at in ((1, later), (2, earlier))])
        assert store.taken_as_of("t", ["2"]) == {}

    def test_follow_goes_on_where_it_stopped(self, store: TimelineStore) -> None:
        """Page by page it tells the same as at once."""
        store.append([append_of(f"i{n}", 1, 3) for n in range(5)])
        told, after = [], 0

        while page := store.follow(after, limit=4):
            assert len(page) <= 4  # noqa: PLR2004 - the limit
            told += page
            after = page[-1].seq

        assert told == store.follow(0)
        assert len(told) == 15  # noqa: PLR2004 - 5 × 3

    def test_incidents_changed_tells_whole_timelines_up_to_a_seq(self, store: TimelineStore) -> None:
        """Of those that changed in between, and nothing that came later."""
        store.append([append_of("a", 1, 2), append_of("b", 1), append_of("c", 1)])
        after = store.last_seq()
        store.append([append_of("b", 2), append_of("d", 1)])
        up_to = store.last_seq()
        store.append([append_of("b", 3), append_of("c", 2), append_of("e", 1)])

        told = list(store.incidents_changed(after, up_to))

        assert told == [("b", [note(1), note(2)]), ("d", [note(1)])]
        assert list(store.incidents_changed(up_to, up_to)) == []

    def test_incidents_changed_come_in_order_of_code_points(self, store: TimelineStore) -> None:
        """Whatever the locale, so that two stores tell the same."""
        names = ["é", "e", "Z", "a", "z1", "z-1", "10", "9", "🟥", "\uffff", "a b", "INC-1", "inc-1"]
        store.append([append_of(name, 1) for name in names])

        assert [name for name, _ in store.incidents_changed(0, store.last_seq())] == sorted(names)

    def test_stream_that_is_left_early_lets_go(self, store: TimelineStore) -> None:
        """Also while it is open, others may append."""
        store.append([append_of(f"i{n:05d}", 1) for n in range(5_000)])
        stream = store.incidents_changed(0, store.last_seq())
        next(stream)

        store.append([append_of("a", 1)])
        stream.close()  # type: ignore[attr-defined]

        for _ in range(100):
            next(store.incidents_changed(0, 10))
        assert store.read("a") == [note(1)]

    def test_many_ids_are_read_at_once(self, store: TimelineStore) -> None:
        """More than a statement takes parameters; twice the same is once."""
        n = 40_000
        names = [f"i{number:05d}" for number in range(n)]
        store.append([append_of(name, 1, taken=("table", name, name.encode())) for name in names])

        found = store.read_many([*names, *names[:10], "absent"])

        assert set(found) == set(names)
        assert all(timeline == [note(1)] for timeline in found.values())
        assert store.taken("table", [*names, "absent"]) == {name: name.encode() for name in names}

    def test_names_may_hold_any_character_but_nul(self, store: TimelineStore) -> None:
        """Quotes and percent signs are nothing special."""
        names = ["it's", 'a"b', "50%s", "a\\b", "[1]", "{}", ":x", "?", "a\nb", "日本", ""]
        store.append([append_of(name, 1, taken=("o'", name, b"1")) for name in names])

        assert set(store.read_many(names)) == set(names)
        assert set(store.taken("o'", names)) == set(names)
        with pytest.raises(StoreError, match="NUL"):
            store.append([append_of("a\0b", 1)])
        with pytest.raises(StoreError, match="NUL"):
            store.append([append_of("a", 1, taken=("table", "\0", b"1"))])

    def test_wait_ends_when_something_is_appended(self, store: TimelineStore) -> None:
        """At once if it is there already; by another thread; not without."""
        assert not store.wait(0, 0.0)
        store.append([append_of("a", 1)])
        assert store.wait(0, 0.0)
        last = store.last_seq()
        assert not store.wait(last, 0.01)

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(store.wait, last, _PATIENCE_S)
            store.append([append_of("a", 2)])
            assert waiting.result(_PATIENCE_S)

    def test_numbers_are_never_given_twice(self, open_store: OpenStore) -> None:
        """Not to two threads, nor after opening again."""
        store, other = open_store(), open_store()
        with ThreadPoolExecutor(_N_THREADS) as pool:
            given = [*pool.map(lambda n: (store if n % 2 else other).next_number(), range(40))]
        store.close()
        other.close()
        again = open_store()

        assert sorted(given) == list(range(1, 41))
        assert again.next_number() == 41  # noqa: PLR2004 - the next
        assert again.next_number(5) == 42  # noqa: PLR2004 - 42 to 46
        assert again.next_number() == 47  # noqa: PLR2004
        again.close()

    def test_what_was_appended_is_there_after_opening_again(self, open_store: OpenStore) -> None:
        """Timelines, order, and what was taken."""
        store = open_store()
        store.append([append_of("a", 1, 3, taken=("table", "a", b"1")), append_of("b", 1)])
        before = store.follow(0)
        store.close()

        again = open_store()

        assert again.follow(0) == before
        assert again.taken("table", ["a"]) == {"a": b"1"}
        again.append([append_of("a", 4)])
        again.close()

    def test_of_those_who_append_at_one_version_one_wins(self, open_store: OpenStore) -> None:
        """The others conflict, read again, and in the end nobody's event is lost."""
        store, other = open_store(), open_store()
        n_conflicts = itertools.count()

        def add(thread: int) -> None:
            mine = store if thread % 2 else other
            for n in range(_N_APPENDS):
                while True:
                    timeline = mine.read("a")
                    event = note(len(timeline) + 1, f"{thread}/{n}")
                    try:
                        mine.append([Append("a", len(timeline), (event,))])
                    except ConflictError:
                        next(n_conflicts)
                    else:
                        break

        with ThreadPoolExecutor(_N_THREADS) as pool:
            list(pool.map(add, range(_N_THREADS)))

        timeline = store.read("a")
        assert [event.id for event in timeline] == [f"{n:05d}" for n in range(1, _N_THREADS * _N_APPENDS + 1)]
        wanted = {f"{thread}/{n}" for thread in range(_N_THREADS) for n in range(_N_APPENDS)}
        assert {event.text for event in timeline if isinstance(event, Noted)} == wanted
        store.close()
        other.close()

    def test_follower_misses_nothing_while_many_append(self, open_store: OpenStore) -> None:
        """Whoever saw a seq has seen everything before it, also what others committed at the same time."""
        store, other, follower = open_store(), open_store(), open_store()
        n_done, done = _N_THREADS * _N_APPENDS, threading.Event()

        def add(thread: int) -> None:
            for n in range(_N_APPENDS):
                (store if thread % 2 else other).append(
                    [append_of(f"{thread}/{n}", 1, 3), append_of(f"{thread}-{n}", 1)]
                )

        def follow() -> list[int]:
            seen: list[int] = []
            while not done.is_set() or follower.last_seq() > (seen[-1] if seen else 0):
                page = follower.follow(seen[-1] if seen else 0, limit=7)
                seen += [stored.seq for stored in page]
            return seen

        with ThreadPoolExecutor(_N_THREADS + 1) as pool:
            following = pool.submit(follow)
            try:
                list(pool.map(add, range(_N_THREADS)))
            finally:
                done.set()
            seen = following.result(_PATIENCE_S)

        assert seen == [stored.seq for stored in store.follow(0)]
        assert len(seen) == 4 * n_done
        for opened in (store, other, follower):
            opened.close()

    def test_any_appends_leave_what_a_plain_model_says(self, store: TimelineStore) -> None:
        """Random batches, some at a wrong version: refused as a whole or taken as a whole."""

        # Within, and not around: Hypothesis will not have one property run by several classes.
        @settings(max_examples=40, deadline=None)
        @given(batches=st.lists(st.lists(WISHES, max_size=5), max_size=8))
        def agree(batches: list[list[tuple[str, int, int, bool]]]) -> None:
            agree_with_model(store, batches, era=f"{next(eras)}:")

        eras = itertools.count()
        agree()
