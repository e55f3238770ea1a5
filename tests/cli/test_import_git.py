"""`resile import git` as it is typed."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resile.app import import_deliveries
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.cli.main import app


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """One commit with a release, and a tag that is none."""
    folder = tmp_path / "shop"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {f"GIT_{role}_{what}": f"ann{sign}" for role in ("AUTHOR", "COMMITTER")
           for what, sign in (("NAME", ""), ("EMAIL", "@example.org"))}  # fmt: skip
    for arguments in (
        ["init", "--quiet", str(folder)],
        ["-C", str(folder), "commit", "--quiet", "--allow-empty", "--message=First"],
        ["-C", str(folder), "tag", "v1.0"],
        ["-C", str(folder), "tag", "nightly"],
    ):
        subprocess.run(["git", *arguments], env=clean | who, check=True)
    return folder


def run(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "data"), "import", "git", *arguments])
    return result.exit_code, result.stdout, result.stderr + str(result.exception or "")


def test_it_is_told_what_came_of_it_and_again_nothing_is_new(shop: Path, tmp_path: Path) -> None:
    first = run(tmp_path, str(shop), "--service", "shop", "--json")
    again = run(tmp_path, str(shop), "--service", "shop", "--json")

    assert (first[0], again[0]) == (0, 0)
    told, later = json.loads(first[1]), json.loads(again[1])
    assert (told["n_commits"], told["n_deployments"], told["n_changes"], told["n_unused"]) == (1, 1, 1, 1)
    assert (later["n_read"], later["n_deployments"], later["n_changed"]) == (0, 0, 0)


def test_whoever_looks_first_after_a_large_import_finds_the_facts_derived(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if one commit were many.
    monkeypatch.setattr(import_deliveries, "LEFT_TO_OTHERS", 0)
    run(tmp_path, str(shop), "--service", "shop")

    with open_resile(Settings(data=tmp_path / "data")) as resile:
        assert resile.delivery_facts.refresh() == 0
        with resile.delivery_facts.tables() as tables:
            assert tables.changes.count().to_pyarrow().as_py() == 1


def test_a_small_import_leaves_the_facts_to_whoever_looks_next(shop: Path, tmp_path: Path) -> None:
    run(tmp_path, str(shop), "--service", "shop")

    with open_resile(Settings(data=tmp_path / "data")) as resile:
        assert resile.delivery_facts.refresh() == 1
        with resile.delivery_facts.tables() as tables:
            assert tables.changes.count().to_pyarrow().as_py() == 1


def test_explain_says_of_each_tag_what_became_of_it(shop: Path, tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, str(shop), "--service", "shop", "--explain")

    assert code == 0
    assert "shop, tag nightly: unused: the tag 'nightly' is no version" in out
    assert "shop:shop:v1.0: new: 1.0" in out
    assert "1  new deployments" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name the one that is released from it with --service NAME"),
        (["--service", "shop", "--mapping", "x.yaml"], "--mapping does not go with git"),
        (["--service", "shop", "--environment", "=v*"], "environment '=v*' cannot be used"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    shop: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    code, _, err = run(tmp_path, str(shop), *arguments)

    assert code != 0
    assert sentence in err


def test_a_folder_that_is_no_clone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    code, _, err = run(tmp_path, str(tmp_path / "empty"), "--service", "shop")

    assert code != 0
    assert "no git repository" in err
