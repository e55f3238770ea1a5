from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.sources import seen as module
from resile.sources.bloom import BloomFilter
from resile.sources.seen import SeenKeys

KEYS = st.integers(0, 12).map(lambda number: f"F-{number}".encode()) | st.binary(max_size=3)
MEETINGS = st.tuples(KEYS, st.integers(0, 1 << 60), st.binary(max_size=16))
# Counted keys have names of their own, as those of rows without an id have.
STEPS = st.lists(
    st.tuples(st.just("all"), st.lists(MEETINGS, max_size=4) | st.lists(MEETINGS, max_size=4, unique_by=lambda m: m[0]))
    | st.tuples(st.just("first"), MEETINGS)
    | st.tuples(st.just("count"), KEYS.map(lambda key: b"\x00count " + key)),
    max_size=30,
)


@settings(deadline=None)
@given(STEPS, st.sampled_from([8, 64, 1 << 12, 1 << 20]), st.sampled_from([1, 5, 10_000]))
def test_answers_are_those_of_a_dict_however_small_the_filter(
    steps: list[tuple[str, Any]], n_filter_bits: int, n_waiting: int
) -> None:
    known: dict[bytes, tuple[int, bytes]] = {}
    counted: Counter[bytes] = Counter()

    with pytest.MonkeyPatch.context() as patch, SeenKeys(n_filter_bits=n_filter_bits) as seen:
        patch.setattr(module, "_N_WAITING", n_waiting)
        for kind, told in steps:
            match kind, told:
                case "all", [*met]:
                    keys = [key for key, _, _ in met]
                    are_new = len({*keys}) == len(keys) and known.keys().isdisjoint(keys)
                    assert seen.are_all_first(met) is are_new
                    if are_new:
                        known.update((key, (place, digest)) for key, place, digest in met)
                case "first", (key, place, digest):
                    assert seen.first(key, place, digest) == known.get(key)
                    known.setdefault(key, (place, digest))
                case "count", bytes(key):
                    counted[key] += 1
                    assert seen.occurrence(key) == counted[key]


@pytest.mark.parametrize("place", [0, 77, 9_999, 10_000, 54_321, 99_999])
def test_a_key_is_found_again_after_a_hundred_thousand_others(place: int) -> None:
    met = [(f"F-{number}".encode(), number, b"%d" % number) for number in range(100_000)]

    with SeenKeys() as seen:
        for start in range(0, len(met), 1_000):
            assert seen.are_all_first(met[start : start + 1_000])

        assert not seen.are_all_first([(b"G-1", 1, b""), (b"F-%d" % place, 2, b"")])
        assert seen.first(b"G-1", 3, b"") is None
        assert seen.first(b"F-%d" % place, 4, b"") == (place, b"%d" % place)


@settings(deadline=None)
@given(st.sets(st.binary(max_size=8), min_size=1), st.sampled_from([8, 64, 1 << 16]))
def test_a_filter_never_denies_what_it_was_given(keys: set[bytes], n_bits: int) -> None:
    bloom = BloomFilter(n_bits)
    bloom.add(keys)

    assert all(bloom.may_hold_any([key]) for key in keys)


def test_a_filter_seldom_claims_what_it_was_not_given() -> None:
    bloom = BloomFilter(1 << 20)
    bloom.add([b"F-%d" % number for number in range(30_000)])

    assert sum(bloom.may_hold_any([b"G-%d" % number]) for number in range(10_000)) < 10
