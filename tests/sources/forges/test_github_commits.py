"""Commits that GitHub tells are those that a clone tells."""

from datetime import timedelta
from pathlib import Path

from tests.app.git_world import GitWorld
from tests.sources.forges.github_world import GitHubWorld


def test_a_commit_is_the_same_from_github_and_from_a_clone(tmp_path: Path) -> None:
    clone = GitWorld(tmp_path)
    clone.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    first = clone.commit("Add cart\n\nIn one step.")
    clone.commit("A subject that goes on\non a second line\n\nand a body")
    clone.git("checkout", "--quiet", "-b", "side", first)
    clone.commit("Grüße \u2028 an \x1b[2J alle\n")
    clone.git("checkout", "--quiet", "main")
    clone.now += timedelta(hours=1)
    clone.git("merge", "--quiet", "--no-ff", "--message=Merge side", "side")
    clone.commit(f'Revert "Add cart"\n\nThis reverts commit {first}.\n')
    clone.commit("x" * 600)
    clone.tag("v1.0")
    clone.take()
    shas = clone.git("rev-list", "--topo-order", "--reverse", "HEAD").split()

    world = GitHubWorld()
    for sha in shas:
        parents, authored, committed, author, message = clone.git(
            "show", "--no-patch", "--format=%P%x00%aI%x00%cI%x00%an%x00%B", sha
        ).split("\0")
        said = {"author": {"name": author, "date": authored}, "committer": {"name": author, "date": committed}}
        world.server.commits.append(
            {
                "sha": sha,
                "commit": {**said, "message": message},
                "parents": [{"sha": one} for one in parents.split()],
            }
        )
    with world.server.forge:
        world.take()

    assert len(shas) == 6
    repo = "github.com/acme/shop"
    assert world.store.commits(repo, shas) == clone.store.commits(repo, shas)
    assert world.store.parents(repo) == clone.store.parents(repo)
