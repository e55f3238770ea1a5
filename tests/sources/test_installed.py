"""Plugins: ours and those of other packages, whatever state these are in."""

import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest

from resile.model.errors import ConfigError
from resile.sources.delivery_registry import GROUP, delivery_kind, kinds
from resile.sources.installed import installed


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another package, sorted before ours, that brings kinds of its own and one under a name of ours."""
    info = tmp_path / "acme_forge-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-forge\nVersion: 1.0\n")
    lines = ["git = acme_forge:KIND", "acme = acme_forge:KIND", "other = acme_forge:OTHER", "broken = acme_broken:KIND"]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]) + "\n")
    (tmp_path / "acme_forge.py").write_text(
        "from resile.ports.delivery_source import DeliveryKind\n"
        "KIND = DeliveryKind(open=None, fits=frozenset())\nOTHER = 7\n"
    )
    (tmp_path / "acme_broken.py").write_text("raise ValueError('no licence')\n")
    # Last, where it would be the last to take a name.
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    invalidate_caches()
    yield tmp_path
    sys.modules.pop("acme_forge", None)
    sys.modules.pop("acme_broken", None)


def test_another_package_brings_kinds_of_its_own(package: Path) -> None:
    assert {"acme", "git", "github"} <= set(kinds())
    assert delivery_kind("acme").fits == frozenset()


def test_nobody_takes_a_name_of_ours(package: Path) -> None:
    assert installed(GROUP)["git"].value == "resile.sources.git_repo:KIND"


def test_a_package_that_fails_in_any_way_is_said_to_be_broken(package: Path) -> None:
    with pytest.raises(ConfigError, match=r"'broken' cannot be loaded .no licence.; reinstall"):
        delivery_kind("broken")


def test_a_package_that_names_something_else_is_said_to_be_old(package: Path) -> None:
    with pytest.raises(ConfigError, match="'other' names no DeliveryKind; update the package"):
        delivery_kind("other")


def test_every_kind_can_be_opened_and_says_what_fits() -> None:
    assert {"git", "github", "gitlab", "bitbucket"} <= set(kinds())
    for name in kinds():
        assert delivery_kind(name).fits
