"""Repositories that are odd: what is refused, what is said, and what is not run."""

from datetime import timedelta

import pytest

from resile.model.change import DeploymentKind
from resile.model.errors import ConfigError

from .git_world import GitWorld


@pytest.fixture
def world(git_world: GitWorld) -> GitWorld:
    return git_world


def test_tags_that_do_not_count_say_why(world: GitWorld) -> None:
    world.commit()
    blob = world.git("hash-object", "-w", "--stdin", given="x")
    world.tag("nightly")
    world.tag("web-v1.0")
    world.tag("v9", blob)
    world.tag("shop-v1.0-hotfix")

    summary = world.take()

    assert summary.n_unused == 3
    reasons = " ".join(kind.example for kind in summary.unused)
    assert "'nightly' is no version" in reasons
    assert "is a version of 'web'" in reasons
    assert "names no commit but a blob" in reasons
    assert world.deployments()["1.0-hotfix"].unplanned is DeploymentKind.HOTFIX


def test_a_commit_younger_than_its_release_is_said(world: GitWorld) -> None:
    world.commit()
    world.now -= timedelta(days=3)
    world.tag("v1.0", is_annotated=True)

    summary = world.take()

    assert any("1 commit claims to be younger than the release" in remark for remark in summary.remarks)


def test_a_shallow_clone_is_refused_with_the_way_out(world: GitWorld) -> None:
    world.commit()
    world.commit()
    world.tag("v1.0")
    shallow = world.path.with_name("shallow")
    world.git("clone", "--quiet", "--depth=1", world.path.resolve().as_uri(), str(shallow))

    with pytest.raises(ConfigError, match=r"shallow clone.*fetch --unshallow"):
        world.take(path=shallow)

    assert list(world.store.services()) == []


def test_an_empty_repository_is_refused(world: GitWorld) -> None:
    with pytest.raises(ConfigError, match="without commits"):
        world.take()


def test_a_bare_clone_gives_the_same_and_is_the_same_repository(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0")
    world.git("remote", "add", "origin", "https://ann:secret@git.example.org/acme/shop.git")
    world.take()
    bare = world.path.with_name("other.git")
    world.git("clone", "--quiet", "--bare", str(world.path), str(bare))
    world.git("--git-dir", str(bare), "config", "remote.origin.url", "git@git.example.org:acme/shop.git")

    again = world.take(path=bare)

    assert world.deployments()["1.0"].repo == "git.example.org/acme/shop"
    assert (again.n_read, again.n_deployments) == (0, 0)
    assert world.shipped() == {"1.0": {a}}


def test_nothing_that_stands_in_a_repository_is_run(world: GitWorld) -> None:
    world.commit("\x1b[2Jcleared\x07 " + "long " * 60_000)
    world.tag("v1.0")
    trap = world.path.with_name("trap")
    trap.write_text(f"#!/bin/sh\ntouch {trap}.sprung\n", encoding="utf-8")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "gpg.program", "diff.external", "core.editor"):
        world.git("config", name, str(trap))
    world.git("config", "log.showSignature", "true")

    world.take()

    sha = world.deployments()["1.0"].sha or ""
    assert not trap.with_name("trap.sprung").exists()
    subject = world.store.commits("shop", [sha])[sha].subject
    assert subject.startswith(" [2Jcleared  long")
    assert len(subject) == 500


def test_odd_times_of_commits_are_said(world: GitWorld) -> None:
    world.commit()
    tree = world.git("write-tree")
    stamp = "Ann <a@example.org> 99999999999 +0000"
    raw = f"tree {tree}\nauthor {stamp}\ncommitter {stamp}\n\nfrom the future\n"
    sha = world.git("hash-object", "-t", "commit", "-w", "--stdin", given=raw)
    world.git("update-ref", "refs/heads/main", sha)
    world.tag("v1.0")

    summary = world.take()

    assert any("have times that are none" in remark for remark in summary.remarks)
    assert "which is none" in summary.unused[0].example
