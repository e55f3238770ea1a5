"""Take the README's pictures of the demo's pages, light and dark, with Debian's Chromium."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 1000
# By the name of the picture, the page.
PAGES = {"restore": "/", "delivery": "/delivery"}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    """Write docs/images/: of each page one picture in each theme."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("screenshots: chromium is not here; run make setup-system as root")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for name, path in PAGES.items():
            for theme in THEMES:
                take(browser, address.rstrip("/") + path, name, theme)
        browser.close()


def take(browser: Browser, address: str, name: str, theme: Literal["light", "dark"]) -> None:
    """One picture of a page, as far as the window reaches."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme, reduced_motion="reduce")
    page.goto(address, wait_until="networkidle")
    path = IMAGES / f"{name}-{theme}.png"
    page.screenshot(path=path)
    page.close()
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB")


@contextmanager
def demo() -> Iterator[str]:
    """The running demo's address, on a port that the system chooses."""
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "resile"), "demo"],
        env={**os.environ, "RESILE_PORT": "0", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found.group(0)
                break
        else:
            sys.exit(f"screenshots: resile demo ended with {process.wait()} before it printed an address")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
