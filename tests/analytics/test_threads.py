"""Work shared between threads."""

import pytest

from resile.analytics.threads import meanwhile, share


def test_results_come_in_the_order_of_the_items() -> None:
    assert share(lambda number: number * number, range(1_000)) == [number * number for number in range(1_000)]


def test_shared_work_may_share_out_work_and_nobody_waits_for_ever() -> None:
    def sums(n: int) -> int:
        later = meanwhile(lambda: sum(share(lambda number: number, range(n))))
        return sum(share(lambda number: number, range(n))) + later()

    assert share(sums, [10, 100, 1_000] * 20) == [90, 9_900, 999_000] * 20


def test_failure_of_a_share_comes_out() -> None:
    def inverse(number: int) -> float:
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        share(inverse, [3, 2, 1, 0, 1, 2, 3])
    with pytest.raises(ZeroDivisionError):
        meanwhile(lambda: inverse(0))()
    assert share(inverse, []) == []
