"""Words as pages write them: where lines may break, and where they may not."""

import re

import pytest

from resile.web.pages.rendering import STATIC, unbroken_units, whole_days


@pytest.mark.parametrize(
    ("sentence", "written"),
    [
        ("fell by 75 min: checkout −22 min", "fell by 75\u00a0min: checkout −22\u00a0min"),
        ("between 28 % shorter and 2.5 h", "between 28\u00a0% shorter and 2.5\u00a0h"),
        ("each year · p = 0.75 · p < 0.001", "each year · p\u00a0=\u00a00.75 · p\u00a0<\u00a00.001"),
        ("5 minutes, 3 services, 2 days", "5 minutes, 3 services, 2 days"),
    ],
)
def test_no_line_breaks_between_a_number_and_its_unit(sentence: str, written: str) -> None:
    assert unbroken_units(sentence) == written


def test_days_stay_whole_and_nothing_else_is_taken_for_markup() -> None:
    assert whole_days("<b> 2024-01-31 to 2024-02-01") == (
        '&lt;b&gt; <span class="nowrap">2024-01-31</span> to <span class="nowrap">2024-02-01</span>'
    )


def test_a_theme_is_nothing_but_other_colours_and_no_script_asks_for_the_width() -> None:
    """What lets a page be looked at in the browser once, and be widened and coloured there."""
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.*") if path.suffix in {".css", ".js"}
    }
    blocks = re.findall(r'^:root\[data-theme="dark"\] \{(.*?)^\}', texts["tokens.css"], re.MULTILINE | re.DOTALL)
    names = {name for block in blocks for name in re.findall(r"([\w-]+):", block)}

    assert len(names) > 20
    assert {name for name in names if not name.startswith("--")} == {"color-scheme"}
    del texts["tokens.css"]
    # The public status page has a stylesheet and a process of its own, and no switch.
    del texts["status.css"]
    assert [name for name, text in texts.items() if re.search(r"data-theme|prefers-color-scheme", text)] == []
    assert [name for name, text in texts.items() if re.search(r"matchMedia|ResizeObserver|[\"']resize", text)] == []
