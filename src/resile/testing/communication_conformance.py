"""What every store of subscribers, of what they are told, and of maintenance windows must do.

Subclass and give the fixture `stores`.

    class TestMine(CommunicationConformance):
        @pytest.fixture
        def stores(self, tmp_path): return CommunicationStores(...)
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from resile.app.communication_parts import CommunicationStores
from resile.ports.subscriber_book import Ask, AskCounts, Subscriber
from resile.ports.telling_store import Copy, CopyState, Done, Telling, TellingCounts, TellingKind
from resile.testing.maintenance_conformance import MaintenanceConformance

START = datetime(2026, 3, 2, 9, 0, 0, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
UNTIL = START + 30 * SECOND
_N_AT_ONCE, _N_COPIES = 8, 40


def subscriber(name: str, *components: str, channel: str = "email") -> Subscriber:
    """Somebody who confirmed."""
    return Subscriber(
        id=f"s-{name}", channel=channel, address=f"{name}@example.net", components=components, confirmed_at=START
    )


def asked(name: str, *, host: bytes = b"\x00host", after_s: float = 0, is_sent: bool = True) -> Ask:
    """Somebody who asked."""
    at = START + timedelta(seconds=after_s)
    return Ask(
        id=f"{name}-{after_s:g}",
        channel="email",
        address=f"{name}@example.net",
        components=("checkout", "Zahlung ✓"),
        address_digest=name.encode(),
        host_digest=host,
        asked_at=at,
        expires_at=at + timedelta(days=1),
        is_sent=is_sent,
    )


def telling(name: str = "t", *components: str) -> Telling:
    """Something to be told."""
    return Telling(
        id=name,
        kind=TellingKind.UPDATE,
        title="Problems ✓",
        text="We look.\nStill.",
        components=components,
        body='{"phase":"investigating"}',
        incident_id="INC-1",
        made_at=START,
    )


class CommunicationConformance(MaintenanceConformance):
    """Tests to be run over these stores."""

    def test_new_stores_are_empty(self, stores: CommunicationStores) -> None:
        """Nothing anywhere, and no errors."""
        book, tellings, windows = stores.subscribers, stores.tellings, stores.windows
        assert list(book.listed()) == []
        assert book.count() == (0, 0)
        assert (book.ask("x"), book.subscriber("x"), book.remove("x")) == (None, None, False)
        assert (tellings.telling("x"), tellings.counts(["x"]), tellings.over()) == (None, {}, [])
        assert (tellings.next_due_at("email"), tellings.holders(), tellings.let_go(UNTIL)) == (None, [], 0)
        assert (windows.window("x"), list(windows.windows(since=START)), list(windows.marked("x"))) == (None, [], [])

    def test_asks_come_back_are_counted_and_let_go(self, stores: CommunicationStores) -> None:
        """Those for which nothing was sent count for their host alone."""
        book = stores.subscribers
        for one in (asked("a"), asked("a", after_s=1, is_sent=False), asked("b", host=b"other", after_s=2)):
            book.add_ask(one)

        assert book.ask("a-1") == asked("a", after_s=1, is_sent=False)
        counts = book.asks_since(START - SECOND, address_digest=b"a", host_digest=b"\x00host")
        assert counts == AskCounts(of_address=1, of_host=2, of_all=2)
        counts = book.asks_since(START, address_digest=b"a", host_digest=b"\x00host")
        assert counts == AskCounts(of_address=0, of_host=1, of_all=1)
        book.let_go_asks(START + 2 * SECOND)
        assert (book.ask("a-0"), book.ask("b-2")) == (None, asked("b", host=b"other", after_s=2))

    def test_address_is_subscribed_once_and_renewed(self, stores: CommunicationStores) -> None:
        """Whoever confirms again has other components, and the id of the first time."""
        book = stores.subscribers
        first = book.confirm(subscriber("a", "checkout"))
        again = book.confirm(replace(subscriber("a"), id="other", confirmed_at=UNTIL))
        other = book.confirm(replace(subscriber("a", channel="webhook"), id="s-hook"))

        assert first == subscriber("a", "checkout")
        assert again == replace(subscriber("a"), confirmed_at=UNTIL)
        assert list(book.listed()) == [again, other]
        assert [one.id for one in book.listed(after="s-a", limit=5)] == ["s-hook"]
        assert [one.id for one in book.listed(limit=1)] == ["s-a"]
        assert book.remove("s-a")
        assert book.count() == (1, 0)

    def test_those_who_confirm_one_address_at_once_are_one(self, stores: CommunicationStores) -> None:
        """However many links somebody opens."""
        with ThreadPoolExecutor(_N_AT_ONCE) as pool:
            found = list(
                pool.map(lambda n: stores.subscribers.confirm(replace(subscriber("a"), id=f"s-{n}")), range(_N_AT_ONCE))
            )

        assert len({one.id for one in found}) == 1
        assert stores.subscribers.count() == (1, 0)

    def test_telling_is_spread_once_to_those_who_want_it(self, stores: CommunicationStores) -> None:
        """By components; none means all."""
        for one in (subscriber("all"), subscriber("this", "checkout"), subscriber("that", "search")):
            stores.subscribers.confirm(one)

        spread = [stores.tellings.spread(one) for one in (telling("t", "checkout"),) * 2]
        assert [*spread, stores.tellings.spread(telling("everything"))] == [2, 0, 3]
        assert stores.tellings.telling("t") == telling("t", "checkout")
        assert stores.tellings.counts(["t", "x"]) == {"t": TellingCounts(queued=2)}
        assert stores.tellings.next_due_at("email") == START
        assert stores.tellings.next_due_at("webhook") is None

    def test_those_who_hear_are_those_to_whom_it_is_spread(self, stores: CommunicationStores) -> None:
        """Counted without spreading anything."""
        for name, components in (("a", ()), ("b", ("checkout",)), ("c", ("search", "shop"))):
            stores.subscribers.confirm(subscriber(name, *components))

        for number, named in enumerate(("", "checkout", "shop checkout", "other")):
            n = stores.subscribers.n_hearing(named.split())
            assert n == stores.tellings.spread(telling(f"t-{number}", *named.split()))

    def test_who_leaves_is_forgotten_with_the_links_that_were_sent_there(self, stores: CommunicationStores) -> None:
        """And counts all the same, lest somebody have us write there for ever."""
        book = stores.subscribers
        book.add_ask(asked("a"))
        whose = book.confirm(replace(subscriber("a"), address=asked("a").address))

        assert book.remove(whose.id)

        ask = book.ask("a-0")
        assert ask is not None
        assert (ask.address, ask.expires_at) == ("", ask.asked_at)
        counts = book.asks_since(START - SECOND, address_digest=b"a", host_digest=b"\x00host")
        assert counts.of_address == 1

    def test_what_is_called_back_does_not_leave_any_more(self, stores: CommunicationStores) -> None:
        """One that is leaving at that moment is not sent again; who may have heard hears that it does not stand."""
        handed, leaving, claimed, waiting = self._claimed(stores, "a", "b", "c", "d")
        self._begin(stores, handed)
        self._finish(stores, handed, CopyState.HANDED)
        self._begin(stores, leaving)
        stores.tellings.give_back([waiting])

        back = replace(telling("back"), calls_back=("t", "never spread"), is_for_told=True)
        assert stores.tellings.spread(back) == len((handed, leaving))
        assert stores.tellings.spread(back) == 0

        assert not self._begin(stores, claimed)
        self._finish(stores, leaving, CopyState.QUEUED)
        assert stores.tellings.counts(["t"])["t"] == TellingCounts(handed=1, called_back=3)
        assert stores.tellings.spread(telling("never spread")) == 0
        gone = stores.tellings.telling("t")
        assert gone is not None
        assert (gone.title, gone.text, gone.body) == ("", "", "{}")
        assert {one.telling_id for one in self._claim(stores)} == {"back"}

    def test_calling_back_and_sending_do_not_stand_in_each_others_way(self, stores: CommunicationStores) -> None:
        """Each copy is either told or called back, and nobody fails meanwhile."""
        n = 40
        for number in range(n):
            stores.subscribers.confirm(subscriber(f"{number:03}"))
        stores.tellings.spread(telling())
        back = replace(telling("back"), calls_back=("t",), is_for_told=True)

        def work(number: int) -> int:
            if number == _N_AT_ONCE:
                return stores.tellings.spread(back)
            n_told, done = 0, None
            for turn in range(n):
                by = f"{number}:{turn}"
                for copy in stores.tellings.claim("email", now=START, until=UNTIL, by=by, limit=3):
                    if copy.telling_id == "t" and stores.tellings.begin(copy, done=done, most_bounces=3, now=START):
                        n_told += 1
                        done = Done(copy=copy, state=CopyState.HANDED)
            if done is not None:
                stores.tellings.finish([done], most_bounces=3, now=START)
            return n_told

        with ThreadPoolExecutor(_N_AT_ONCE + 1) as pool:
            *told, n_heard = pool.map(work, range(_N_AT_ONCE + 1))

        counts = stores.tellings.counts(["t"])["t"]
        assert (counts.handed, counts.handed + counts.called_back) == (sum(told), n)
        assert n_heard <= sum(told)

    def test_copy_is_claimed_begun_and_finished_by_one(self, stores: CommunicationStores) -> None:
        """Nobody else may take, begin or finish it."""
        (copy,) = self._claimed(stores, "a")
        assert self._claim(stores, by="other") == []

        assert not self._begin(stores, replace(copy, lease_by="other"))
        assert self._begin(stores, copy)
        assert not self._begin(stores, copy)
        self._finish(stores, replace(copy, lease_by="other"), CopyState.FAILED)
        assert stores.tellings.counts(["t"]) == {"t": TellingCounts(sending=1)}
        assert stores.tellings.over() == []
        self._finish(stores, copy, CopyState.HANDED)

        assert stores.tellings.over() == [(telling(), TellingCounts(handed=1))]
        stores.tellings.note_told("t", UNTIL)
        assert stores.tellings.over() == []
        assert self._claim(stores, now=UNTIL + SECOND) == []

    def test_lease_that_ran_out_lets_others_take_what_had_not_begun(self, stores: CommunicationStores) -> None:
        """And what was leaving becomes a gap."""
        first, second = self._claimed(stores, "a", "b")
        assert self._begin(stores, first)
        late = UNTIL + SECOND
        assert not self._begin(stores, second, now=late)

        (taken,) = self._claim(stores, by="other", now=late)
        assert taken.subscriber_id == second.subscriber_id
        assert stores.tellings.close_gaps(START) == []
        assert [one.subscriber_id for one in stores.tellings.close_gaps(late)] == [first.subscriber_id]
        assert stores.tellings.close_gaps(late) == []
        self._finish(stores, first, CopyState.HANDED)
        assert stores.tellings.counts(["t"]) == {"t": TellingCounts(queued=1, uncertain=1)}

    def test_what_is_given_back_or_cut_short_is_free_at_once(self, stores: CommunicationStores) -> None:
        """What was leaving is not."""
        first, second = self._claimed(stores, "a", "b")
        assert self._begin(stores, first)
        stores.tellings.give_back([first, second])
        assert [one.subscriber_id for one in self._claim(stores, by="other")] == [second.subscriber_id]
        assert stores.tellings.holders() == ["me", "other"]

        stores.tellings.cut_short("other", START)
        stores.tellings.cut_short("me", START)

        assert [one.subscriber_id for one in self._claim(stores, by="third")] == [second.subscriber_id]
        assert [one.subscriber_id for one in stores.tellings.close_gaps(START)] == [first.subscriber_id]

    def test_copy_that_waits_again_is_due_when_it_was_said(self, stores: CommunicationStores) -> None:
        """With one try more, and its address."""
        (copy,) = self._claimed(stores, "a")
        assert self._begin(stores, copy)
        again_at = START + 10 * SECOND
        done = Done(copy=copy, state=CopyState.QUEUED, error="busy", due_at=again_at)
        stores.tellings.finish([done], most_bounces=3, now=START)

        assert stores.tellings.next_due_at("email") == again_at
        assert self._claim(stores, now=again_at - SECOND) == []
        (again,) = self._claim(stores, now=again_at)
        assert (again.n_tries, again.address, again.first_due_at) == (1, "a@example.net", START)

    def test_bounces_in_a_row_put_an_address_aside(self, stores: CommunicationStores) -> None:
        """One that arrives makes them count anew."""
        stores.subscribers.confirm(subscriber("a"))
        for number, is_bounce in enumerate((True, False, True, True)):
            stores.tellings.spread(telling(f"t{number}"))
            (copy,) = self._claim(stores)
            assert self._begin(stores, copy)
            state = CopyState.FAILED if is_bounce else CopyState.HANDED
            self._finish(stores, copy, state, is_bounce=is_bounce, most_bounces=2)

        (kept,) = stores.subscribers.listed()
        assert (kept.n_bounced, kept.put_aside_at, kept.because) == (2, START, "unknown")
        assert stores.subscribers.count() == (0, 1)
        assert stores.tellings.spread(telling("later")) == 0

    def test_who_left_meanwhile_is_told_nothing(self, stores: CommunicationStores) -> None:
        """Though the copy was claimed; what asks for a confirmation goes to who is no subscriber yet."""
        (copy,) = self._claimed(stores, "a")
        stores.subscribers.remove(copy.subscriber_id)
        ask = replace(telling("ask"), kind=TellingKind.CONFIRM, incident_id=None)
        stores.tellings.ask_for(
            ask,
            Copy(
                telling_id="ask",
                subscriber_id="ask-1",
                channel="email",
                address="b@example.net",
                first_due_at=START,
                due_at=START,
            ),
        )
        (asks,) = self._claim(stores)

        assert not self._begin(stores, copy)
        assert self._begin(stores, asks)
        assert stores.tellings.counts(["t"]) == {"t": TellingCounts(failed=1)}

    def test_what_came_of_one_is_written_with_the_beginning_of_the_next(self, stores: CommunicationStores) -> None:
        """In one transaction."""
        first, second = self._claimed(stores, "a", "b")
        assert self._begin(stores, first)

        done = Done(copy=first, state=CopyState.HANDED)
        assert stores.tellings.begin(second, done=done, most_bounces=3, now=START)

        assert stores.tellings.counts(["t"]) == {"t": TellingCounts(handed=1, sending=1)}

    def test_many_at_once_share_the_copies(self, stores: CommunicationStores) -> None:
        """Each is begun by one."""
        for n in range(_N_COPIES):
            stores.subscribers.confirm(subscriber(f"{n:02}"))
        stores.tellings.spread(telling())

        def work(number: int) -> list[str]:
            begun = []
            while claimed := self._claim(stores, by=f"by-{number}", limit=3):
                for copy in claimed:
                    assert self._begin(stores, copy)
                    self._finish(stores, copy, CopyState.HANDED)
                    begun.append(copy.subscriber_id)
            return begun

        with ThreadPoolExecutor(_N_AT_ONCE) as pool:
            begun = Counter(name for names in pool.map(work, range(_N_AT_ONCE)) for name in names)

        assert len(begun) == _N_COPIES
        assert set(begun.values()) == {1}
        assert stores.tellings.counts(["t"]) == {"t": TellingCounts(handed=_N_COPIES)}

    def test_what_was_over_long_ago_is_let_go(self, stores: CommunicationStores) -> None:
        """With its copies; what is not over stays."""
        (copy,) = self._claimed(stores, "a")
        assert self._begin(stores, copy)
        self._finish(stores, copy, CopyState.HANDED)
        assert stores.tellings.let_go(UNTIL) == 0
        stores.tellings.note_told("t", START)

        assert stores.tellings.let_go(START) == 0
        assert stores.tellings.let_go(UNTIL) == 1
        assert stores.tellings.telling("t") is None
        assert stores.tellings.spread(telling()) == 1

    def _claimed(self, stores: CommunicationStores, *names: str) -> Sequence[Copy]:
        for name in names:
            stores.subscribers.confirm(subscriber(name))
        stores.tellings.spread(telling())
        return self._claim(stores)

    def _claim(
        self, stores: CommunicationStores, *, by: str = "me", now: datetime = START, limit: int = 10
    ) -> Sequence[Copy]:
        return stores.tellings.claim("email", now=now, until=max(now, START) + 30 * SECOND, by=by, limit=limit)

    def _begin(self, stores: CommunicationStores, copy: Copy, *, now: datetime = START) -> bool:
        return stores.tellings.begin(copy, done=None, most_bounces=3, now=now)

    def _finish(
        self,
        stores: CommunicationStores,
        copy: Copy,
        state: CopyState,
        *,
        is_bounce: bool = False,
        most_bounces: int = 3,
    ) -> None:
        error = "" if state is CopyState.HANDED else "unknown"
        done = Done(copy=copy, state=state, error=error, is_bounce=is_bounce)
        stores.tellings.finish([done], most_bounces=most_bounces, now=START)
