import subprocess
from pathlib import Path

import pytest

from resile.model.errors import ConfigError
from resile.sources.git_plumbing import Git, _failure


def test_a_clone_of_another_user_is_refused_with_the_way_out(tmp_path: Path) -> None:
    said = f"fatal: detected dubious ownership in repository at '{tmp_path}'\nTo add an exception for it, call:\n"

    sentence = _failure(tmp_path, said)

    assert "belongs to another user" in sentence
    assert f"git config --global --add safe.directory {tmp_path.resolve()}" in sentence


def test_what_the_caller_has_pointed_git_to_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        subprocess.run(["git", "init", "--quiet", str(tmp_path / name)], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "two" / ".git"))

    git = Git(tmp_path / "one")

    assert git.answer("rev-parse", "--absolute-git-dir").strip() == str((tmp_path / "one" / ".git").resolve())


def test_a_folder_inside_a_clone_is_not_taken_for_the_clone(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "inner").mkdir()

    with pytest.raises(ConfigError, match="is no git repository; give the folder of a clone"):
        Git(tmp_path / "inner")


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_path_that_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "file":
        path.write_text("x", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"is not there; check the path|is a file; give the folder"):
        Git(path)
