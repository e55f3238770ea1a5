"""Every number of the Restore page leads to a list of just so many incidents, and to what it means."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from fastapi.testclient import TestClient

from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.model.draft import Draft, Step
from resile.model.event import Exclusion, Source
from resile.model.time import DAY, MINUTE
from resile.testing.simulated_clock import SimulatedClock

from .conftest import NOW, browser_of, draft, take_in
from .test_restore_page import hrefs, text_of, url_words

_LINK = re.compile(r'<a[^>]* href="(/incidents\?[^"]*|/incidents)"[^>]*>(.*?)</a>', re.DOTALL)
_COUNTS = (
    re.compile(r"^\+?([\d ]+) open$"),
    re.compile(r"in ([\d ]+) incidents?$"),
    re.compile(r"^([\d ]+) (?:incidents?|excluded)$"),
    re.compile(r"^([\d ]+)$"),
)
_BOTH = re.compile(r"^([\d ]+) \+([\d ]+) open$")


def counts_told(html: str) -> dict[str, int]:
    """The number that each link to a list of incidents tells, by its address."""
    told: dict[str, int] = {}
    for href, inside in _LINK.findall(html):
        text = text_of(inside).replace("\u202f", "").strip()
        if both := _BOTH.match(text):
            told[unescape(href)] = sum(int(one.replace(" ", "")) for one in both.groups())
            continue
        found = next((match for pattern in _COUNTS if (match := pattern.search(text))), None)
        if found is not None:
            told[unescape(href)] = int(found[1].replace(" ", ""))
    return told


def listed(site: TestClient, address: str) -> int:
    """How many incidents a list says that it has."""
    message = re.search(r'class="message"><b[^>]*>([^<]*)</b>', site.get(address).text)
    assert message is not None, address
    return int(message[1].replace("\u202f", ""))


def steps(days_ago: float, *told: tuple[str, float]) -> tuple[Step, ...]:
    """Instants by their minutes after a day."""
    began = NOW - days_ago * DAY
    return tuple(Step(name, began + minutes * MINUTE, Source.HUMAN) for name, minutes in told)


def odd_history() -> list[Draft]:
    """Open ones, those that were open when their month ended, several services, excluded ones, unknown instants."""
    whole = (
        ("impact_began", 0.0), ("detected", 3.0), ("acknowledged", 9.0), ("identified", 20.0), ("mitigated", 50.0),
        ("restored", 55.0),
    )  # fmt: skip
    month_long = (("detected", 0.0), ("identified", 30.0), ("restored", 40 * 1_440.0))
    wrong = (("detected", 9.0), ("identified", 3.0), ("restored", 20.0))
    return [
        *(draft(f"p{i}", days_ago=3 + i * 5, minutes=30 + i, services=("checkout", "search")) for i in range(15)),
        *(draft(f"o{i}", days_ago=2 + i * 30, minutes=None, services=("checkout",)) for i in range(3)),
        *(draft(f"x{i}", days_ago=9 + i, exclusion=Exclusion.NOISE) for i in range(2)),
        *(Draft(origin="test", ref=f"w{i}", title="whole", steps=steps(8 + i, *whole)) for i in range(4)),
        *(Draft(origin="test", ref=f"m{i}", title="long", steps=steps(50 + i, *month_long)) for i in range(3)),
        Draft(origin="test", ref="wrong", title="wrong", steps=steps(20, *wrong)),
    ]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with open_resile(Settings(data=tmp_path_factory.mktemp("odd")), clock=SimulatedClock(NOW)) as resile:
        take_in(resile, odd_history())
        yield browser_of(resile)


@pytest.mark.parametrize("query", ["every=month", "by=month&last=45d&every=quarter", "clock=impact_to_detected"])
def test_each_count_opens_a_list_of_just_so_many(odd: TestClient, query: str) -> None:
    told = counts_told(odd.get(f"/restore?{query}").text)

    assert len(told) > 4
    assert {address: listed(odd, address) for address in told} == told


@pytest.mark.parametrize("query", ["", "dimension=service&a=checkout&b="])
def test_each_count_of_a_comparison_opens_a_list_of_just_so_many(odd: TestClient, query: str) -> None:
    told = counts_told(odd.get(f"/compare?{query}").text)

    assert len(told) >= 2
    assert {address: listed(odd, address) for address in told} == told


def test_figures_and_phases_lead_to_their_definitions(site: TestClient) -> None:
    page = site.get("/restore").text
    known = set(re.findall(r' id="([^"]+)"', site.get("/definitions").text))

    meant = {href.partition("#")[2] for href in hrefs(page) if href.startswith("/definitions#")}

    assert meant <= known
    assert meant >= {
        "time_to_restore", "median_s", "p90_s", "mean_s", "n_restored", "verdict", "detectable_change", "trend",
        "counted", "figures", "phases", "phase_identify", "what_if", "attribution", "km_median_s",
    }  # fmt: skip


def test_the_stretches_compared_are_those_shown_to_the_second(site: TestClient) -> None:
    page = site.get("/restore").text

    compared = next(url_words(href) for href in hrefs(page) if href.startswith("/compare?"))
    means = [
        url_words(unescape(href)) for href, _ in _LINK.findall(page) if "sort=duration" in href and "from=" in href
    ]

    assert (compared["a_from"], compared["a_to"]) == (means[0]["from"], means[0]["to"])
    assert (compared["b_from"], compared["b_to"]) == (means[-1]["from"], means[-1]["to"])


def test_the_stretches_chosen_by_themselves_are_marked(site: TestClient) -> None:
    page = site.get("/restore").text

    assert re.search(r'aria-current="true"[^>]*>last 91 days<', page)


def test_nothing_to_measure_is_said_once_with_a_way_out(site: TestClient) -> None:
    text = text_of(site.get("/restore?from=1999-01-01&to=1999-02-01").text)

    assert "Nothing to measure here" in text
    assert "Where the time goes" not in text
    assert "How far to trust this" in text
