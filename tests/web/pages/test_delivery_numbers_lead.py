"""Every number of the Delivery page that tells of deployments leads to a list of just so many."""

import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from resile.app.wiring import Resile
from resile.model.change import DeploymentKind

from .conftest import browser_of, draft, take_in
from .deliveries import bring, deployed
from .test_restore_page import hrefs, text_of

_NONE = re.compile(r"^never$")
_COUNTED = {
    "succeeded": re.compile(r"^(\d+) deployments?$"),
    "failed": re.compile(r"^(\d+) of \d+ deployments?"),
    "unplanned": re.compile(r"^(\d+) of \d+ deployments?$"),
    "incident_known": re.compile(r"^(\d+) failures?(?:, (\d+) open)?$"),
}
# What a step of an answer tells beside its link.
_SENTENCES = (
    (re.compile(r"changes? of (\d+) deployments? of this window whose commits are known"), "known_changes"),
    (re.compile(r"(\d+) deployments? whose commits are not known"), "unknown_changes"),
    (re.compile(r"(\d+) deployments? counted as not failed"), "pending"),
    (re.compile(r"(\d+) failed deployments? whose incident is known"), "incident_known"),
)


@pytest.mark.parametrize("definitions", ["resile", "middleware"])
def test_every_number_of_a_place_leads_to_just_so_many_deployments(empty: Resile, definitions: str) -> None:
    odd_months(empty)
    browser = browser_of(empty)
    html = browser.get(f"/delivery?service=shop&definitions={definitions}").text

    told = counts_told(html)

    ours = {"incident_known", "pending"} if definitions == "resile" else set()
    assert {state for state, _ in told} >= {"failed", "unplanned", "known_changes", "unknown_changes", *ours}
    for (state, href), number in told.items():
        assert listed(browser, href) == number, (state, href)


def odd_months(resile: Resile) -> None:
    """Failures with and without incident, open ones, fixes elsewhere, unknown commits, what lies in the future."""
    take_in(
        resile,
        [
            draft("over", days_ago=20 - 1 / 24, minutes=90, services=("shop",)),
            draft("open", days_ago=10 - 1 / 24, minutes=None, services=("shop",)),
        ],
    )
    told = [
        *(deployed(f"v{days}.0.0", days_ago=days) for days in (30, 20, 10)),
        deployed("v30.0.1", days_ago=29.8),
        # The same service where people meet it under another name: an incident is held against one of both.
        deployed("v20.9.0", days_ago=19.99, environment="prod"),
        deployed("w", days_ago=5, unplanned=DeploymentKind.HOTFIX),
        deployed("x", days_ago=0.2),
        deployed("late", days_ago=-3),
        deployed("staged", days_ago=5, environment="staging", unplanned=DeploymentKind.HOTFIX),
    ]
    resile.deliveries.record(told)
    for one in told[:3]:
        bring(resile, one, 5.0, 7.0)


def counts_told(html: str) -> dict[tuple[str, str], int]:
    """The number that each link to deployments tells, by their state and its address."""
    told: dict[tuple[str, str], int] = {}
    for href, inside in re.findall(r'<a[^>]* href="(/delivery\?[^"]*show=[^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL):
        state = re.search(r"show=(\w+)", href)
        text = text_of(inside).replace("\u202f", "")
        if state is not None and (number := _COUNTED.get(state[1], _NONE).search(text)):
            told[state[1], unescape(href)] = sum(int(one) for one in number.groups() if one)
    for sentence, state in _SENTENCES:
        for href in {href for href in hrefs(html) if f"show={state}" in href and "environment=" in href}:
            if found := sentence.search(text_of(html).replace("\u202f", "")):
                told[state, href] = int(found[1])
    return told


def listed(browser: TestClient, address: str) -> int:
    """How many deployments a list says that it has."""
    text = text_of(browser.get(address).text)
    found = re.search(r"\d+–\d+ of ([\d\u202f ]+)", text)
    return int(re.sub(r"\D", "", found[1])) if found else 0


@pytest.mark.parametrize("definitions", ["resile", "middleware"])
def test_each_deployment_in_the_list_of_failed_ones_is_told_as_failed_in_every_list(
    empty: Resile, definitions: str
) -> None:
    # Two days after the deployment: no longer within the attribution window, of which Middleware's rule knows nothing.
    take_in(empty, [draft("late", days_ago=8, minutes=90, services=("shop",))])
    empty.deliveries.record([deployed(f"v{days}.0.0", days_ago=days) for days in (30, 10, 1)])
    browser = browser_of(empty)

    def outcomes(state: str) -> dict[str, bool]:
        html = browser.get(f"/delivery?service=shop&definitions={definitions}&show={state}").text
        rows = re.findall(r'<tr><td class="name"><a href="/deployments/.*?</tr>', html, re.DOTALL)
        names = [re.search(r'<b class="clip">([^<]*)', row) for row in rows]
        return {name[1]: "✕ failed" in row for name, row in zip(names, rows, strict=True) if name}

    failed = {"v10.0.0"} if definitions == "middleware" else set()
    assert {name for name, is_failed in outcomes("all").items() if is_failed} == failed
    assert outcomes("failed") == dict.fromkeys(failed, True)
