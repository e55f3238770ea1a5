from datetime import timedelta

import pytest

from resile.model.errors import ConfigError
from resile.testing.memory_deliveries import MemoryDeliveryStore

from .git_world import GitWorld


@pytest.fixture
def world(git_world: GitWorld) -> GitWorld:
    return git_world


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

    assert any(
        remark.startswith("1 of the commits read before is in no branch") and "rewritten" in remark
        for remark in summary.remarks
    )
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
    settle, broken = type(world.store).settle, []

    def breaks(*_: object) -> None:
        broken.append(1)
        raise ConfigError("power cut")

    type(world.store).settle = breaks  # type: ignore[method-assign,assignment]
    try:
        with pytest.raises(ConfigError, match="power cut"):
            world.take()
    finally:
        type(world.store).settle = settle  # type: ignore[method-assign]

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


def test_a_pattern_of_all_branches_takes_head_for_none_of_them(world: GitWorld) -> None:
    a = world.commit()
    clone = world.path.with_name("clone")
    world.git("clone", "--quiet", str(world.path), str(clone))

    world.take("canary=branch:*", path=clone)
    world.take("detached=branch:HEAD", service="other", path=clone)

    assert len(world.store.deployments_of("shop", "canary")) == 1
    assert world.shipped("canary") == {a[:12]: {a}}
    assert world.shipped("detached", service="other") == {a[:12]: {a}}


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


def test_a_revert_that_names_the_beginning_of_an_id_takes_back_what_that_commit_brought(world: GitWorld) -> None:
    a = world.commit("Add a")
    world.tag("1.0.0")
    world.commit(f"Go back\n\nThis reverts commit {a[:9]}.\n")
    world.tag("1.1.0")

    world.take()

    (later,) = world.store.taken_back([one.id for one in world.store.deployments_of("shop", "production")]).items()
    assert later[0].endswith("1.1.0")
    assert [name.rpartition(":")[2] for name in later[1]] == [later[0].rpartition(":")[2].replace("1.1.0", "1.0.0")]
