"""Playbooks in the browser: the list, the page of one, and the form that says what is to be mended."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from resile.app.playbook_sample import PLAYBOOK_EXAMPLE
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.testing.simulated_clock import SimulatedClock

from .conftest import NOW, browser_of, faults_of, faults_of_all, opened, served
from .playbook_world import DOUBTFUL, fill
from .test_catalog_page import form, message_of, problem_of, seen_in, written


@pytest.fixture(scope="module")
def resile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resile]:
    clock = SimulatedClock(NOW)
    with open_resile(Settings(data=tmp_path_factory.mktemp("playbooks")), clock=clock) as opened_one:
        fill(opened_one, clock)
        yield opened_one


@pytest.fixture(scope="module")
def client(resile: Resile) -> TestClient:
    return browser_of(resile)


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " ").split())


def test_list_says_what_each_is_for_and_what_it_comes_to(client: TestClient) -> None:
    page = client.get("/playbooks").text

    assert message_of(page) == "3 playbooks, 1 was used so far; 3 have something to mend."
    said = words(page)
    assert "Checkout error rate is high checkout-errors" in said
    assert "alertname=CheckoutErrorRate" in said
    assert "1 change" not in said.partition("slow-search")[2]
    assert "10 of 10 that were opened Mitigation takes less time with it" in said
    assert 'aria-current="page"' in page.partition("Playbooks</a>")[0].rpartition("<li>")[2]


def test_page_shows_the_text_its_steps_and_its_effect(client: TestClient) -> None:
    page = client.get("/playbooks/checkout-errors").text

    said = words(page)
    assert "Meaning More than one in a hundred requests to the checkout fail." in said
    assert "roll-back change shell, at most 5 min, undone by roll-forward" in said
    assert "errors-are-gone read query, at most 330 s, expects < 0.01 for 5m" in said
    assert "$service from label.service" in said
    assert "With it Without it Ratio all of its kind" in said
    assert "10 incidents" in said
    assert said.count("severity SEV") == 2


def test_faults_stand_on_the_page_with_their_lines(client: TestClient) -> None:
    said = words(client.get("/playbooks/slow-search").text)

    assert "Line 1: nobody owns it; add owner: and the name of a team" in said
    assert "Line 7: link 'gone.md' leads nowhere" in said
    assert "Line 8: step 'look' says $host, which is no input" in said
    assert "checkout-errors.md' leads" not in said
    assert client.get("/playbooks/checkout-errors.md", follow_redirects=False).headers["location"] == (
        "/playbooks/checkout-errors"
    )


def test_earlier_version_is_shown_as_it_was(client: TestClient) -> None:
    assert message_of(client.get("/playbooks/slow-search?version=1").text) == "Search is slow"
    assert message_of(client.get("/playbooks/slow-search").text) == "Search is very slow"
    assert client.get("/playbooks/slow-search?version=9", follow_redirects=False).status_code == 303
    assert client.get("/playbooks/none").status_code == 404


def test_block_without_attributes_is_no_step(client: TestClient) -> None:
    page = client.get("/playbooks/slow-search").text

    assert page.count('class="step"') == 1
    assert "shown, and never run" in page


def test_hostile_markdown_does_nothing_on_the_page(client: TestClient) -> None:
    page = client.get("/playbooks/hostile").text
    article = page.partition("<article")[2].partition("</article>")[0]

    assert not re.search(r"<(script|iframe|img)|<[^>]*\son\w+=|href=\"javascript", article)
    assert "<script>alert" not in page


def test_unsafe_text_is_refused_with_every_fault_beside_it(resile: Resile, client: TestClient) -> None:
    text = DOUBTFUL.replace(" timeout=20s", "").replace("playbook: slow-search", "playbook: slow-search\nowns: x")
    answer = form(client, "/do/catalog/playbook/slow-search", text=text, expected="2", do="apply")

    assert answer.status_code == 400
    assert "playbook 'slow-search', line 3: 'owns' is unknown in the front matter" in problem_of(answer.text)
    said = words(answer.text)
    assert "line 3 'owns' is unknown in the front matter; did you mean owner? refused" in said
    assert "line 9 step 'look' has no timeout; add timeout=20s, or what it may take at most refused" in said
    assert written(answer.text) == text
    assert len(resile.catalog.history(Kind.PLAYBOOK, "slow-search")) == 2


def test_text_is_kept_as_it_was_typed(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        client = browser_of(resile)
        assert "write it here" in client.get("/playbooks").text
        text = written(client.get("/catalog/new?kind=playbook").text)
        shown = form(client, "/do/catalog/new", text=text.replace("\n", "\r\n"), do="preview")
        again = written(shown.text)
        done = form(client, "/do/catalog/new", text=again, do="apply", **seen_in(shown.text))

        assert done.headers["location"] == "/catalog/playbook/checkout-errors"
        assert resile.playbooks.all()["checkout-errors"].playbook.text == PLAYBOOK_EXAMPLE


@pytest.mark.browser
def test_playbook_is_edited_at_a_phones_width_with_its_faults_beside_it(resile: Resile, browser: Browser) -> None:
    with served(resile) as address:
        context = opened(browser, address, width=390)
        page = context.new_page()
        page.goto(f"{address}/playbooks/slow-search")
        page.get_by_role("link", name="Edit").press("Enter")
        page.get_by_label("The playbook, in Markdown").fill(DOUBTFUL.replace(" timeout=20s", ""))
        page.get_by_role("button", name="Show the difference").press("Enter")

        expect(page.get_by_text("step 'look' has no timeout").first).to_be_visible()
        assert faults_of(page, "refused") == []
        page.get_by_label("The playbook, in Markdown").fill(DOUBTFUL)
        page.get_by_role("button", name="Show the difference").press("Enter")
        page.get_by_role("button", name="Apply this change").press("Enter")
        expect(page.get_by_text("Version 3").first).to_be_visible()
        context.close()


@pytest.mark.browser
def test_playbook_pages_are_open_to_everybody_in_every_width_and_theme(resile: Resile, browser: Browser) -> None:
    paths = ["/playbooks", "/playbooks/checkout-errors", "/playbooks/hostile", "/catalog/playbook/slow-search?edit=1"]
    with served(resile) as address:
        assert faults_of_all(browser, address, paths) == []
