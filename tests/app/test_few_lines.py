"""Lines that come again and again are said a few times a minute, and none goes uncounted."""

from resile.app.few_lines import FewLines


class Watch:
    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_first_lines_of_each_minute_are_said_and_the_others_counted() -> None:
    watch = Watch()
    lines = FewLines(watch, first=3)

    said = [lines.may_say("full") for _ in range(10)]
    watch.at_s = 59.9
    late = lines.may_say("full")
    watch.at_s = 60.0
    anew = [lines.may_say("full") for _ in range(4)]

    assert said == [True] * 3 + [False] * 7
    assert not late
    assert anew == [True] * 3 + [False]
    assert lines.left_out() == {("full",): 9}
    assert lines.left_out() == {}


def test_each_kind_is_counted_by_itself() -> None:
    lines = FewLines(Watch(), first=1)

    said = [lines.may_say("full", "github"), lines.may_say("full", "gitlab"), lines.may_say("full", "github")]

    assert said == [True, True, False]
    assert lines.left_out() == {("full", "github"): 1}
