"""What every Journal must do, whatever it is made of.

Subclass and give the fixture `journal`.

    class TestMyJournal(JournalConformance):
        @pytest.fixture
        def journal(self, tmp_path): return MyJournal(tmp_path)
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from resile.ports.journal import Delivery, Journal, Verdict

START = datetime(2024, 5, 1, 10, tzinfo=UTC)
_N_THREADS = 8
_N_EACH = 25
_LARGE = 200_000
_MANY = 1_200


def delivery(number: int, *, door: str = "github", body: bytes = b"{}") -> Delivery:
    """A delivery; each number is another, a minute after the one before."""
    at = START + timedelta(minutes=number, microseconds=1)
    return Delivery(door=door, id=f"d{number}", received_at=at, headers={"x-github-event": "push"}, body=body)


class JournalConformance:
    """Tests to be run over a journal."""

    def test_new_journal_is_empty(self, journal: Journal) -> None:
        """Nothing anywhere, and no errors."""
        assert journal.waiting() == []
        assert journal.entries() == []
        assert journal.entry(1) is None
        assert journal.replay() == 0
        assert not journal.wait(0.0)
        assert journal.let_go(before=START, max_bytes=0) == 0

    def test_deliveries_come_back_whole_and_in_order(self, journal: Journal) -> None:
        """Every byte of a large body, headers, and the instant to the microsecond."""
        sent = [delivery(1, body=bytes(range(256)) * (_LARGE // 256)), delivery(2, body=b""), delivery(3)]
        for one in sent:
            assert journal.append(one)

        waiting = journal.waiting()

        assert [entry.delivery for entry in waiting] == sent
        assert [entry.n_bytes for entry in waiting] == [len(one.body) for one in sent]
        assert [entry.seq for entry in waiting] == sorted({entry.seq for entry in waiting})
        assert journal.wait(0.0)

    def test_doors_take_turns_so_that_nobody_who_sends_much_keeps_another_waiting(self, journal: Journal) -> None:
        """Of one door they come in its order."""
        for number in range(_MANY):
            journal.append(delivery(number, door="noisy", body=b"." * 10 * (number + 1)))
        journal.append(delivery(1, door="quiet", body=b"x" * 10))
        journal.append(delivery(1, door="large", body=b"x" * 9_000_000))

        waiting = journal.waiting(limit=4)

        assert [(entry.delivery.door, entry.delivery.id) for entry in waiting] == [
            ("noisy", "d0"),
            ("quiet", "d1"),
            ("large", "d1"),
            ("noisy", "d1"),
        ][: len(waiting)]
        assert len(waiting) >= 3  # noqa: PLR2004 - beyond these it may be limited by size
        assert [entry.delivery.id for entry in journal.waiting(limit=1)] == ["d0"]

    def test_same_id_at_the_same_door_is_one_delivery_and_at_another_door_two(self, journal: Journal) -> None:
        """The first one stays, whatever the second holds."""
        assert journal.append(delivery(1, body=b"first"))
        assert not journal.append(delivery(1, body=b"second"))
        assert journal.append(delivery(1, door="gitlab"))

        assert {(one.delivery.door, one.delivery.body) for one in journal.waiting()} == {
            ("github", b"first"),
            ("gitlab", b"{}"),
        }

    def test_many_threads_append_each_delivery_once(self, journal: Journal) -> None:
        """Also where two send the same one at the same moment."""
        numbers = [*range(_N_THREADS * _N_EACH), *range(_N_THREADS * _N_EACH)]
        with ThreadPoolExecutor(_N_THREADS) as threads:
            new = list(threads.map(lambda number: journal.append(delivery(number)), numbers))

        assert sum(new) == _N_THREADS * _N_EACH
        assert len({one.delivery.id for one in journal.waiting(limit=1_000)}) == _N_THREADS * _N_EACH

    def test_concluded_entries_no_longer_wait_and_are_found_by_door_and_verdict(self, journal: Journal) -> None:
        """The newest first, page by page, with or without bodies."""
        for number in range(6):
            journal.append(delivery(number, door="github" if number % 2 else "gitlab", body=b"[1]"))
        first, second, third = [entry.seq for entry in journal.waiting(limit=3)]

        journal.conclude(
            [(first, Verdict.TAKEN, ""), (second, Verdict.UNMAPPED, "a ping"), (third, Verdict.FAILED, "x")]
        )

        assert len(journal.waiting()) == 3  # noqa: PLR2004 - of six
        assert [(one.seq, one.reason) for one in journal.entries(verdict=Verdict.UNMAPPED)] == [(second, "a ping")]
        assert [one.delivery.id for one in journal.entries(door="github")] == ["d5", "d3", "d1"]
        page = journal.entries(before_seq=third, limit=1, with_bodies=False)
        assert [(one.seq, one.delivery.body, one.n_bytes) for one in page] == [(second, b"", 3)]
        found = journal.entry(first)
        assert found is not None
        assert found.verdict is Verdict.TAKEN

    def test_replay_lets_wait_what_was_asked_for(self, journal: Journal) -> None:
        """By door, verdict and time; what waits already does not count."""
        for number in range(4):
            journal.append(delivery(number))
        seqs = [entry.seq for entry in journal.waiting()]
        ends = [Verdict.FAILED, Verdict.TAKEN, Verdict.FAILED, Verdict.WAITING]
        journal.conclude([(seq, end, "") for seq, end in zip(seqs, ends, strict=True)])

        assert journal.replay(door="gitlab") == 0
        assert journal.replay(verdict=Verdict.FAILED, since=START + timedelta(minutes=1)) == 1

        assert [one.seq for one in journal.waiting()] == seqs[2:]

    def test_what_waits_is_never_let_go(self, journal: Journal) -> None:
        """Neither by age nor by size; of the rest first what is old, then the oldest beyond the size."""
        for number in range(4):
            journal.append(delivery(number, body=b"x" * 100))
        seqs = [entry.seq for entry in journal.waiting()]
        journal.conclude([(seq, Verdict.TAKEN, "") for seq in seqs[1:]])

        assert journal.let_go(before=START + timedelta(minutes=2), max_bytes=1_000) == 1
        assert [one.seq for one in journal.entries()] == [seqs[3], seqs[2], seqs[0]]
        assert journal.let_go(before=START, max_bytes=250) == 1
        assert [one.seq for one in journal.entries()] == [seqs[3], seqs[0]]
        assert journal.append(delivery(9))
        assert journal.waiting()[-1].seq > seqs[-1]

    def test_verdict_on_what_was_let_go_changes_nothing(self, journal: Journal) -> None:
        """Who processes it may be slower than who lets it go."""
        journal.append(delivery(1))
        (entry,) = journal.waiting()
        journal.conclude([(entry.seq, Verdict.TAKEN, "")])
        assert journal.let_go(before=START + timedelta(days=1), max_bytes=0) == 1

        journal.conclude([(entry.seq, Verdict.FAILED, "late")])

        assert journal.entry(entry.seq) is None
        assert journal.entries() == []

    def test_many_are_let_go_down_to_the_size_that_is_kept(self, journal: Journal) -> None:
        """The oldest of them, over however many steps."""
        futures = [journal.submit(delivery(number, body=b"x" * 10)) for number in range(_MANY)]
        for future in futures:
            future.result()
        seqs = [entry.seq for entry in journal.waiting(limit=_MANY)]
        journal.conclude([(seq, Verdict.TAKEN, "") for seq in seqs])

        assert journal.let_go(before=START, max_bytes=95) == _MANY - 9

        assert [one.seq for one in journal.entries()] == seqs[:-10:-1]
