"""The terminal's picture of deliveries, on reports made by hand."""

import io

from resile.app.dora import Rhythm
from resile.cli.dora_view import draw_dora
from resile.cli.screen import Screen
from tests.documents.deliveries import delivery, dora, unknown

RHYTHM = Rhythm(every="week", counts={("checkout", "production"): [1.0, 0.0, 4.0], ("search", "production"): [0.0]})


def drawn(*services: object, width: int = 80, rhythm: Rhythm | None = RHYTHM, asked: str = "") -> str:
    written = io.StringIO()
    out = Screen(file=written, width=width, no_color=True, highlight=False)
    draw_dora(out, dora(*services), asked, rhythm)  # type: ignore[arg-type]
    return written.getvalue()


def test_a_narrow_terminal_shows_every_metric_with_interval_and_n() -> None:
    text = drawn(delivery())

    assert "Deployed 3.1 a week, and 10 % of deployments fail." in " ".join(text.split())
    for part in (
        "Lead time",
        "2.1 d",
        "1.8–2.6",
        "120 changes",
        "Fail rate",
        "4–23 %",
        "4 of 40 deployments, 2 pending",
    ):
        assert part in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_wide_terminal_has_one_row_per_service() -> None:
    text = drawn(delivery(), delivery("search"), width=140)

    heads = next(line for line in text.splitlines() if "Lead time" in line and "Rework" in line)
    assert "Each week" in heads
    assert "checkout is deployed 3.1 a week" in " ".join(text.split())
    assert "checkout" in text
    assert "search" in text


def test_weeks_without_a_deployment_are_gaps_in_the_line() -> None:
    assert "Deployments each week  ▂·█" in drawn(delivery())


def test_what_is_undefined_and_what_is_missing_is_said() -> None:
    text = " ".join(drawn(unknown()).split())

    assert "no deployments known since 3 May: connect the pipeline" in text
    assert "Failed deployment recovery time is not defined: no deployment failed in this window" in text


def test_stages_are_drawn_where_there_is_one_service() -> None:
    assert "Where lead time goes" in drawn(delivery())
    assert "Waiting for deployment" in drawn(delivery())
    assert "Where lead time goes" not in drawn(delivery(), delivery("search"))


def test_without_deployments_the_way_out_is_said() -> None:
    assert "resile import git PATH --service NAME" in drawn()
    assert "Widen the filters" in drawn(asked="Service nobody")


def test_names_from_elsewhere_cannot_move_the_cursor() -> None:
    assert "\x1b" not in drawn(delivery("a\x1b[2Jb"), width=140)
