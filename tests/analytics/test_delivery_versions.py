import numpy as np
import pyarrow as pa
import pytest

from resile.analytics.coded import coded
from resile.analytics.delivery_versions import versions_of


def patches(earlier: str, later: str) -> bool:
    """Whether the later one is a patch of the same minor version as the earlier."""
    found = versions_of(coded(pa.array([earlier, later], pa.string())))
    return bool(found.minors[0] >= 0 and found.minors[0] == found.minors[1] and found.patches[1] > found.patches[0])


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("1.2.3", "1.2.4"),
        ("1.2.9", "1.2.10"),
        ("v1.2.3", "1.2.4"),
        ("V1.2.3", "v1.2.5"),
        ("1.2", "1.2.1"),
        ("v0.65", "0.65.post1"),
        ("shop-v1.2.3", "shop-v1.2.4"),
        ("shop@1.2.3", "shop@1.2.4"),
        ("2024.5.0", "2024.5.1"),
        ("24.04.0", "24.04.1"),
        ("7.0.4", "7.0.4.1"),
        ("1.2.3+17", "1.2.4+18"),
        ("k8s-1.2.3", "k8s-1.2.4"),
    ],
)
def test_a_higher_last_number_is_a_patch(earlier: str, later: str) -> None:
    assert patches(earlier, later)
    assert not patches(later, earlier)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("1.2.3", "1.3.0"),
        ("1.2.3", "2.2.4"),
        ("1.2.3", "1.2.3"),
        ("1.2.3+1", "1.2.3+2"),
        ("1.2.3-rc.1", "1.2.3-rc.2"),
        ("1.2.3", "1.2.4-rc.1"),
        ("1.2.3rc1", "1.2.3"),
        ("1.0a1", "1.0b1"),
        ("1.2.3", "1.2.3-14-gabcdef1"),
        ("shop-v1.2.3", "cart-v1.2.4"),
        ("main", "main"),
        ("41", "42"),
        ("2024-05-13", "2024-05-14"),
        ("deadbeef", "deadbef0"),
        ("99999999999.1.1", "99999999999.1.2.1.1"),
    ],
)
def test_what_is_no_patch(earlier: str, later: str) -> None:
    assert not patches(earlier, later)


def test_hotfixes_are_known_by_name() -> None:
    names = ["1.2.3-hotfix.1", "hotfix/cart", "1.2.3", None]

    found = versions_of(coded(pa.array(names, pa.string())))

    assert found.is_hotfix.tolist() == [True, True, False, False]


def test_a_column_without_versions_has_none() -> None:
    found = versions_of(coded(pa.array([None, None], pa.string())))

    assert found.minors.tolist() == [-1, -1]
    assert not np.any(found.is_hotfix)
