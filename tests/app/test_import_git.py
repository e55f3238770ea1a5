from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.change import DeploymentKind
from resile.model.errors import ConfigError
from resile.testing.memory_deliveries import MemoryDeliveryStore

from .git_world import GitWorld


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GitWorld]:
    if request.param == "memory":
        yield GitWorld(tmp_path / "repositories")
        return
    with open_resile(load_settings(data=tmp_path / "data")) as resile:
        yield GitWorld(tmp_path / "repositories", resile.deliveries)


def fresh(world: GitWorld) -> dict[str, object]:
    """What an import of the repository as it stands gives to an empty store."""
    kept, world.store = world.store, MemoryDeliveryStore()
    world.take()
    result = {version: (one.sha, one.deployed_at) for version, one in world.deployments().items()}
    shipped = world.shipped()
    world.store = kept
    return {"deployments": result, "shipped": shipped}


def stands(world: GitWorld) -> dict[str, object]:
    result = {version: (one.sha, one.deployed_at) for version, one in world.deployments().items()}
    return {"deployments": result, "shipped": world.shipped()}


def test_each_release_brings_what_no_earlier_one_had_tags_off_the_main_line_included(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0")
    b = world.commit()
    world.git("checkout", "--quiet", "-b", "fix", a)
    fix = world.commit()
    world.tag("v1.0.1")
    world.git("checkout", "--quiet", "main")
    c = world.commit()
    world.tag("v1.1")

    summary = world.take()

    assert world.shipped() == {"1.0": {a}, "1.0.1": {fix}, "1.1": {b, c}}
    assert (summary.n_commits, summary.n_deployments, summary.n_changes) == (4, 3, 4)


def test_a_second_run_reads_only_what_is_new(world: GitWorld) -> None:
    world.commit()
    world.tag("v1.0")
    world.take()

    again = world.take()
    b = world.commit()
    world.tag("v1.1")
    third = world.take()

    assert (again.n_read, again.n_deployments, again.n_changes) == (0, 0, 0)
    assert (third.n_read, third.n_deployments) == (1, 1)
    assert world.shipped()["1.1"] == {b}
    assert stands(world) == fresh(world)


def test_annotated_tags_are_dated_by_their_tagger_and_lightweight_ones_by_their_commit(world: GitWorld) -> None:
    world.commit()
    committed_at = world.now
    world.now += timedelta(days=2)
    world.tag("v1.0")
    world.tag("v1.1", is_annotated=True)
    world.tag("v1.2", "v1.1", is_annotated=True)

    world.take()

    at = {version: one.deployed_at for version, one in world.deployments().items()}
    assert at == {"1.0": committed_at, "1.1": world.now, "1.2": world.now}


@pytest.mark.parametrize("is_annotated", [True, False])
def test_a_moved_tag_counts_as_it_stands_now_there_and_back(world: GitWorld, is_annotated: bool) -> None:
    a = world.commit()
    world.tag("v1.0", is_annotated=is_annotated)
    b = world.commit()
    world.commit()
    world.tag("v1.2")
    world.take()

    for target in (b, a):
        world.tag("v1.0", target, is_annotated=is_annotated, is_forced=True)
        summary = world.take()

        assert summary.n_changed == 1
        assert any("moved" in remark and "v1.0" in remark for remark in summary.remarks)
        assert world.deployments()["1.0"].sha == target
        assert stands(world) == fresh(world)


def test_a_tag_that_is_gone_is_taken_back_and_comes_again(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0")
    b = world.commit()
    world.tag("v1.1")
    world.take()

    world.git("tag", "--delete", "v1.0")
    summary = world.take()

    assert world.shipped() == {"1.1": {a, b}}
    assert any("v1.0" in remark for remark in summary.remarks)
    world.tag("v1.0", a)
    world.take()
    assert world.shipped() == {"1.0": {a}, "1.1": {b}}


def test_a_clone_without_tags_takes_nothing_back(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0")
    world.take()
    world.git("tag", "--delete", "v1.0")

    summary = world.take()

    assert world.shipped() == {"1.0": {a}}
    assert any("takes none of them back" in remark for remark in summary.remarks)


def test_a_force_pushed_history_is_said_and_counts_as_it_stands_now(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0")
    world.commit("lost")
    world.take()
    world.git("reset", "--quiet", "--hard", a)
    c = world.commit("kept")
    world.tag("v1.1")

    summary = world.take()

    assert any(remark.startswith("the history was rewritten: 1 commits") for remark in summary.remarks)
    assert world.shipped() == {"1.0": {a}, "1.1": {c}}


def test_a_rewritten_history_of_which_the_old_is_gone_is_read(world: GitWorld) -> None:
    a = world.commit()
    world.commit("lost")
    world.take()
    world.git("reset", "--quiet", "--hard", a)
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "--quiet", "--prune=now")
    b = world.commit("kept")
    world.tag("v1.0")

    summary = world.take()

    assert any("rewritten" in remark for remark in summary.remarks)
    assert world.shipped() == {"1.0": {a, b}}


def test_a_release_that_comes_to_be_known_late_takes_its_share(world: GitWorld) -> None:
    a = world.commit()
    b = world.commit()
    world.tag("v1.1")
    world.take()
    world.tag("v1.0", a)

    world.take()

    assert world.shipped() == {"1.0": {a}, "1.1": {b}}


def test_an_import_broken_off_at_any_batch_ends_as_an_undisturbed_one(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0")
    b = world.commit()
    world.tag("v1.1")
    ship, broken = type(world.store).set_shipped, []

    def breaks(*_: object) -> None:
        broken.append(1)
        raise ConfigError("power cut")

    type(world.store).set_shipped = breaks  # type: ignore[method-assign,assignment]
    try:
        with pytest.raises(ConfigError, match="power cut"):
            world.take()
    finally:
        type(world.store).set_shipped = ship  # type: ignore[method-assign]

    world.take()

    assert broken
    assert world.shipped() == {"1.0": {a}, "1.1": {b}}


def test_pre_releases_go_to_their_own_environment(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0rc1")
    b = world.commit()
    world.tag("v1.0")

    world.take()

    assert world.shipped("pre-release") == {"1.0rc1": {a}}
    assert world.shipped() == {"1.0": {a, b}}


def test_environments_by_tag_by_branch_and_by_name(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0-rc1")
    b = world.commit()
    world.tag("v1.0")

    summary = world.take("staging=*-rc*", "canary=branch:main", "live")

    assert world.shipped("staging") == {"1.0-rc1": {a}}
    assert world.shipped("live") == {"1.0": {a, b}}
    assert world.shipped("canary") == {a[:12]: {a}, b[:12]: {b}}
    assert any("count as deployed when they were committed" in remark for remark in summary.remarks)


def test_other_rules_the_next_time_count_from_the_beginning(world: GitWorld) -> None:
    a = world.commit()
    world.tag("v1.0")
    world.take()

    world.take("live")

    assert world.shipped() == {}
    assert world.shipped("live") == {"1.0": {a}}


def test_first_parents_alone_and_all_again(world: GitWorld) -> None:
    a = world.commit()
    world.git("checkout", "--quiet", "-b", "side")
    side = world.commit()
    world.git("checkout", "--quiet", "main")
    b = world.commit()
    world.now += timedelta(hours=1)
    world.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    merge = world.git("rev-parse", "HEAD")
    world.tag("v1.0")

    world.take(is_first_parent=True)
    assert world.shipped() == {"1.0": {a, b, merge}}
    world.take()
    assert world.shipped() == {"1.0": {a, b, merge}}
    world.take(is_first_parent=False)
    assert world.shipped() == {"1.0": {a, b, merge, side}}


def test_reverts_by_id_and_by_subject_of_an_earlier_reading_too(world: GitWorld) -> None:
    a = world.commit("Add a")
    b = world.commit("Add b")
    by_id = world.commit(f'Revert "Add a"\n\nThis reverts commit {a}.\n')
    newest = world.commit("Add b")
    by_subject = world.commit('Revert "Add b" (#7)')
    unknown = world.commit('Revert "Add c"')
    world.take()
    later = world.commit('Revert "Add a"')

    world.take()

    known = world.store.commits("shop", [by_id, by_subject, unknown, later])
    assert b != newest
    assert {sha: commit.reverts for sha, commit in known.items()} == {
        by_id: (a,),
        by_subject: (newest,),
        unknown: (),
        later: (a,),
    }


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

    assert any("1 commits are younger than the release" in remark for remark in summary.remarks)


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
