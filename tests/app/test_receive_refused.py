"""A delivery is given up only where it is at fault itself: what is refused for a moment is taken."""

from collections.abc import Sequence

import pytest

from resile.app.receive import Receiver
from resile.model.errors import ConflictError, StoreError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Entry, Verdict
from resile.testing.journal_conformance import delivery
from resile.testing.memory_journal import MemoryJournal
from tests.app.test_receive import Alarming


def understands(_kind: str, _options: DoorOptions) -> Alarming:
    return Alarming()


@pytest.mark.parametrize("refusal", [ConflictError("others keep writing"), StoreError("too many connections")], ids=str)
def test_alert_that_is_refused_a_few_times_while_the_store_works_is_taken(refusal: Exception) -> None:
    journal = MemoryJournal()
    journal.append(delivery(1))
    taken: list[Understood] = []
    n_left = 4

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        nonlocal n_left
        n_left -= 1
        if n_left >= 0:
            raise refusal
        taken.extend(one for _, one in told)

    Receiver(journal, dict, take_in, lambda: None, understands=understands).process_waiting()

    assert len(taken) == 1
    assert [one.verdict for one in journal.entries()] == [Verdict.TAKEN]


def test_alert_that_is_refused_again_and_again_holds_up_no_other() -> None:
    journal = MemoryJournal()
    for number in (1, 2):
        journal.append(delivery(number))
    n_asked = 0

    def take_in(told: Sequence[tuple[Entry, Understood]]) -> None:
        nonlocal n_asked
        if any(entry.seq == 1 for entry, _ in told):
            n_asked += 1
            raise StoreError("half of a surrogate pair")

    Receiver(journal, dict, take_in, lambda: None, understands=understands).process_waiting()

    assert sorted(one.verdict for one in journal.entries()) == [Verdict.FAILED, Verdict.TAKEN]
    assert n_asked < 10
