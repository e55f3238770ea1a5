from hypothesis import given
from hypothesis import strategies as st

from resile.analytics.label_rows import label_places

LINES = st.lists(st.floats(0, 620), min_size=1, max_size=4, unique=True)


@given(LINES, st.lists(st.floats(20, 200), min_size=4, max_size=4))
def test_no_line_crosses_the_words_of_another(lines: list[float], widths: list[float]) -> None:
    places = label_places(lines, widths, 620)

    assert sorted(place.row for place in places) == list(range(len(lines)))
    for at, width, place in zip(lines, widths, places, strict=False):
        begin, end = (at - width, at) if place.is_left else (at, at + width)
        assert end <= 620
        for other, its in zip(lines, places, strict=True):
            if begin < other < end:
                # It begins below the words.
                assert its.row > place.row


def test_words_stand_to_the_right_as_far_as_there_is_room() -> None:
    assert [(place.row, place.is_left) for place in label_places([100, 300, 600], [80, 80, 80], 620)] == [
        (1, False),
        (2, False),
        (0, True),
    ]
