import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.test_sources import ROOT, tracked_files

LINK = re.compile(r"""!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)\"""")
PAGES = sorted(path for path in tracked_files(".md") if path.is_relative_to(ROOT / "docs") or path.parent == ROOT)


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_of_ours_resolves(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in (markdown or html for markdown, html in LINK.findall(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        if not linked.exists() or (anchor and linked.suffix == ".md" and anchor not in anchors(linked)):
            broken.append(target)

    assert not broken


def test_code_map_names_files_that_exist() -> None:
    page = (ROOT / "docs/explanation/code-map.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|docs|bench|scripts)/[\w./*-]+)`", page)

    assert len(named) > 20
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_code_map_has_every_room() -> None:
    page = (ROOT / "docs/explanation/code-map.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "src/resile").iterdir() if (path / "__init__.py").exists()]

    assert [room for room in rooms if f"`{room}/`" not in page] == []


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    tomllib.loads(text)
    pages = [str(path.relative_to(ROOT / "docs")) for path in PAGES if path.is_relative_to(ROOT / "docs")]

    assert [page for page in pages if f'"{page}"' not in text] == []


def test_decisions_are_numbered_without_gaps_and_have_their_three_parts() -> None:
    decisions = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))

    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert [part for part in ("## Context", "## Decision", "## Consequences") if part not in text] == [], path.name
        assert len(text.splitlines()) <= 60, f"{path.name} is longer than a screen"


def test_commands_named_in_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make ([a-z-]+)", readme, flags=re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert {"demo", "test"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


def test_built_site_asks_no_other_host_for_fonts_scripts_or_pictures(tmp_path: Path) -> None:
    zensical = Path(sys.executable).parent / "zensical"
    built = subprocess.run(
        [zensical, "build", "--strict", "--config-file", _site_config(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    fetched = re.compile(
        r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(https?:)?//|<link\b[^>]*\bhref=["']?https?://"""
    )

    assert len(pages) >= 15
    foreign = {
        str(page.relative_to(tmp_path)): found.group(0)
        for page in pages
        if (found := fetched.search(re.sub(r'<link rel="?canonical[^>]*>', "", page.read_text(encoding="utf-8"))))
    }
    assert not foreign


def _site_config(folder: Path) -> Path:
    """The site's settings, building from the project's pages into `folder`."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    config = folder / "zensical.toml"
    config.write_text((ROOT / "zensical.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return config
