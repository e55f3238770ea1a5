"""The real application on the real store: one simulated year for looking, an empty one, and one for changes."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from argon2 import PasswordHasher
from axe_playwright_python.base import AXE_SCRIPT
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from resile.app.passwords import Passwords
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.draft import Draft, Step, incident_id_of
from resile.model.event import Source
from resile.model.history import record_history
from resile.model.severity import Severity
from resile.ports.timeline_store import Append
from resile.testing.history import simulated_year
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app

NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)
# A busy machine may take its time; what is tested here is not speed. What is expected has a limit of its own.
LONGEST_MS = 90_000
expect.set_options(timeout=LONGEST_MS)
PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A phone's and a desk's. Pages are loaded in the first and widened to the next: no script of theirs asks for the width.
WIDTHS = (390, 1440)
HEIGHT = 844
# All that axe's rules find differently in another theme, which is nothing but other colours.
COLOUR_RULES = ("color-contrast", "link-in-text-block")

INJECTION = """<script>alert(1)</script><img src=x onerror="alert(2)"> " ' & {{ 7 * 7 }}"""
LONG = "a name that nobody would give but somebody did ".ljust(200, "x")
RIGHT_TO_LEFT = "خدمة الدفع بطيئة جدا منذ النشر الأخير"
EMOJI = "🔥🚒👩‍🚒 checkout is on fire 🧯"


def take_in(resile: Resile, drafts: list[Draft]) -> None:
    """Record drafts as an import does."""
    for first in range(0, len(drafts), 2_000):
        resile.timelines.append(
            [
                Append(incident_id_of(one.origin, one.ref), 0, tuple(record_history(one, [], now=NOW, by="import:x")))
                for one in drafts[first : first + 2_000]
            ]
        )
    resile.facts.refresh()


def draft(ref: str, *, minutes: float | None = 30, days_ago: float = 10, title: str = "", **more: object) -> Draft:
    """A plain incident: detected so many days ago, restored after so many minutes, or still open."""
    began = NOW - timedelta(days=days_ago)
    steps = [Step("detected", began, Source.MEASURED)]
    if minutes is not None:
        steps.append(Step("restored", began + timedelta(minutes=minutes), Source.HUMAN))
    return Draft(origin="test", ref=ref, title=title or f"incident {ref}", steps=tuple(steps), **more)  # type: ignore[arg-type]


def odd_drafts() -> list[Draft]:
    """Names that break pages which trust them."""
    names = [INJECTION, LONG, RIGHT_TO_LEFT, EMOJI]
    return [
        draft(
            f"odd-{i}",
            title=name,
            services=(name,),
            team=name,
            labels={name[:60]: name},
            severity=Severity.SEV3,
            url="javascript:alert(3)",
        )
        for i, name in enumerate(names)
    ]


def browser_of(resile: Resile) -> TestClient:
    """A browser on this machine, without cookies yet."""
    app = create_app(resile, passwords=PASSWORDS)
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000))


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resile]:
    """A simulated year and a few odd names; only to be looked at."""
    settings = Settings(data=tmp_path_factory.mktemp("year"), is_simulated=True)
    with open_resile(settings, clock=SimulatedClock(NOW)) as resile:
        take_in(resile, [*simulated_year(NOW, np.random.default_rng(3), n=400), *odd_drafts()])
        yield resile


@pytest.fixture(scope="session")
def site(year: Resile) -> TestClient:
    return browser_of(year)


@pytest.fixture
def empty(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    """Nothing known yet."""
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as resile:
        yield resile


@contextmanager
def served(resile: Resile) -> Iterator[str]:
    """The address of the application on a real socket, for real browsers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(resile, passwords=PASSWORDS), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)


@pytest.fixture(scope="session")
def address(year: Resile) -> Iterator[str]:
    """The simulated year on a real socket."""
    with served(year) as found:
        yield found


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_ARGUMENTS))
        yield started
        started.close()


def opened(browser: Browser, address: str, *, width: int, theme: str = "light") -> BrowserContext:
    """A window of that width on the address, in those colours."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, timezone_id="Asia/Tokyo", reduced_motion="reduce"
    )
    context.set_default_timeout(LONGEST_MS)
    context.add_cookies([{"name": "theme", "value": theme, "url": address}])
    return context


def faults_of(page: Page, path: str, *, rules: Sequence[str] = ()) -> list[str]:
    """What shuts somebody out of the page that is shown: what these rules of axe find, or all of them, and content
    wider than the screen.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # Only what is told here leaves the browser: all that axe found in order is megabytes.
    found = page.evaluate(
        """async (rules) => {
            const only = rules.length ? { runOnly: rules } : {};
            const { violations } = await axe.run({ resultTypes: ["violations"], ...only });
            return violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`);
        }""",
        list(rules),
    )
    faults = [f"{path}: {one}" for one in found]
    width = page.viewport_size["width"] if page.viewport_size else 0
    if page.evaluate("document.documentElement.scrollWidth") > width:
        faults.append(f"{path}: wider than {width} pixels")
    return faults


def faults_of_all(browser: Browser, address: str, paths: Sequence[str]) -> list[str]:
    """The faults of several pages in every width and theme, with what is folded on them opened, and what the browser
    complains of.

    Each page is in the dark on a phone and in the light on a desk. The first is in the other colours as well: what all
    pages share, as the bars, is shown in one of the widths alone.
    """
    context = opened(browser, address, width=WIDTHS[0])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda said: faults.append(said.text) if said.type == "error" and "404" not in said.text else None
    )

    for path in paths:
        page.goto(address + path)
        for details in page.locator("main details").all()[:8]:
            details.evaluate("one => one.open = true")
        for width, theme, other in zip(WIDTHS, ("dark", "light"), ("light", "dark"), strict=True):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            in_theme(page, theme)
            faults += faults_of(page, f"{path} at {width}, {theme}")
            if path == paths[0]:
                in_theme(page, other)
                faults += faults_of(page, f"{path} at {width}, {other}", rules=COLOUR_RULES)

    context.close()
    return faults


def in_theme(page: Page, theme: str) -> None:
    """Show the page that is shown in other colours, as its own button does."""
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
