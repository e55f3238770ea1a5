from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from resile.model.ancestry import Contained, first_contained

Graph = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, list[tuple[str, str]]]:
    """Commits with any parents among those before them, and releases of any of them, the same one twice included."""
    n_commits = draw(st.integers(1, 25))
    parents: Graph = {}
    for number in range(n_commits):
        chosen = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        parents[f"c{number}"] = tuple(f"c{one}" for one in chosen)
    tips = draw(st.lists(st.sampled_from(sorted(parents)), max_size=6))
    return parents, [(f"v{number}", tip) for number, tip in enumerate(tips)]


def ancestors(parents: Mapping[str, tuple[str, ...]], sha: str) -> set[str]:
    return {sha}.union(*(ancestors(parents, parent) for parent in parents[sha]))


def first_parents(parents: Mapping[str, tuple[str, ...]], sha: str) -> set[str]:
    return {sha}.union(*(first_parents(parents, parent) for parent in parents[sha][:1]))


@given(graphs())
def test_each_release_has_what_no_earlier_one_has(drawn: tuple[Graph, list[tuple[str, str]]]) -> None:
    parents, releases = drawn

    found = first_contained(parents, releases)

    before: set[str] = set()
    for (release_id, sha), contained in zip(releases, found, strict=True):
        own = ancestors(parents, sha)
        assert contained.release_id == release_id
        assert set(contained.shas) == own - before
        assert len(contained.shas) == len(own - before)
        assert contained.missing is None
        before |= own


@given(graphs())
def test_by_first_parents_alone(drawn: tuple[Graph, list[tuple[str, str]]]) -> None:
    parents, releases = drawn

    found = first_contained(parents, releases, is_first_parent=True)

    before: set[str] = set()
    for (_, sha), contained in zip(releases, found, strict=True):
        own = first_parents(parents, sha)
        assert set(contained.shas) == own - before
        before |= own


@given(graphs(), st.integers(0, 6))
def test_going_on_from_what_is_shipped_gives_the_same(
    drawn: tuple[Graph, list[tuple[str, str]]], n_before: int
) -> None:
    parents, releases = drawn

    earlier = first_contained(parents, releases[:n_before])
    shipped = {sha for one in earlier for sha in one.shas}

    assert earlier + first_contained(parents, releases[n_before:], shipped=shipped) == first_contained(
        parents, releases
    )


@given(graphs())
def test_the_release_itself_stands_first_unless_an_earlier_one_has_it(
    drawn: tuple[Graph, list[tuple[str, str]]],
) -> None:
    parents, releases = drawn

    for (_, sha), contained in zip(releases, first_contained(parents, releases), strict=True):
        assert contained.shas[:1] in ((), (sha,))


def test_a_tag_off_the_main_line_ships_only_its_branch() -> None:
    parents = {"a": (), "b": ("a",), "fix": ("a",), "c": ("b",)}

    found = first_contained(parents, [("v1.0", "a"), ("v1.0.1", "fix"), ("v1.1", "c")])

    assert [set(one.shas) for one in found] == [{"a"}, {"fix"}, {"c", "b"}]


def test_a_history_with_a_hole_says_what_is_missing_every_time_it_is_come_to() -> None:
    parents = {"b": ("unknown",), "c": ("b",), "d": ("unknown",)}

    found = first_contained(parents, [("v1", "c"), ("v2", "d"), ("v3", "other")])

    assert found == [
        Contained("v1", ("c", "b"), "unknown"),
        Contained("v2", ("d",), "unknown"),
        Contained("v3", (), "other"),
    ]


def test_what_lies_behind_an_earlier_release_was_released_with_it_whatever_it_is() -> None:
    parents = {"root": (), "holed": ("gone",), "next": ("pushed",), "other": ("gone",)}
    told = ["pushed", "holed", "pushed", "holed", "next", "other", "root"]

    found = first_contained(parents, [(f"v{number}", sha) for number, sha in enumerate(told)])

    assert [(one.shas, one.missing) for one in found] == [
        ((), "pushed"),
        (("holed",), "gone"),
        ((), None),
        ((), None),
        (("next",), None),
        (("other",), "gone"),
        (("root",), None),
    ]
