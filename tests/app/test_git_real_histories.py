"""Every tag of two real histories, rebuilt, against plain git's own answer."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest

from resile.app.import_deliveries import import_deliveries
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.sources.git_releases import ReleaseRules
from resile.sources.git_repo import GitOptions, GitRepo

pytestmark = pytest.mark.real_data


def git(repository: Path, *arguments: str, given: str = "") -> list[str]:
    command = ["git", "-C", str(repository), *arguments]
    ran = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


# Name, tags, and those of them that stand off the main line.
HISTORIES = {"datasette": (177, 21), "alertmanager": (95, 27)}


@pytest.mark.parametrize(
    ("name", "database"), [("datasette", "sqlite"), ("alertmanager", "sqlite"), ("alertmanager", "postgresql")]
)
def test_tags_commits_and_lead_times_equal_gits_own_answer(
    name: str, database: str, real_data: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    n_tags, n_off_the_line = HISTORIES[name]
    address = request.getfixturevalue("postgresql_url") if database == "postgresql" else None
    repository = tmp_path / "repository.git"
    rebuild = real_data.parent / "bench/rebuild_git.py"
    graph = real_data / "git" / f"{name}.graph.tsv"
    subprocess.run([sys.executable, str(rebuild), str(graph), str(repository)], check=True, capture_output=True)
    # All tags to one environment, so that each is compared with all those before it.
    rules = ReleaseRules(names=frozenset({name}), environment="production")

    with open_resile(load_settings(data=tmp_path / "data", database_url=address)) as resile:
        source = GitRepo(GitOptions(service=name, rules=rules), resile.clock)
        import_deliveries(
            source,
            str(repository),
            deliveries=resile.deliveries,
            timelines=resile.timelines,
            clock=resile.clock,
            service=name,
        )
        deployments = resile.deliveries.deployments_of(name, "production")
        noted = resile.deliveries.shipped([one.id for one in deployments])

    form = "%(refname:strip=2)\t%(objectname)\t%(*objectname)\t%(taggerdate:unix)\t%(committerdate:unix)"
    at, target = {}, {}
    for line in git(repository, "for-each-ref", "refs/tags", f"--format={form}"):
        tag, own, peeled, tagged, committed = line.split("\t")
        at[tag], target[tag] = int(tagged or committed), peeled or own
    committed_at = dict(line.split() for line in git(repository, "log", "--all", "--format=%H %ct"))
    tags = [one.ref.rpartition(":")[2] for one in deployments]

    assert len(tags) == n_tags
    assert len(git(repository, "tag", "--no-merged", "HEAD")) == n_off_the_line
    assert set(tags) == set(at)
    assert tags == sorted(tags, key=lambda tag: (at[tag], f"git:repository:{name}:{tag}"))
    for number, one in enumerate(deployments):
        tag = tags[number]
        shas = noted[one.id].shas
        own = git(
            repository, "rev-list", "--stdin", given="\n".join([tag, *(f"^{earlier}" for earlier in tags[:number])])
        )
        assert shas is not None
        assert set(shas) == set(own), tag
        assert len(shas) == len(own), tag
        assert one.deployed_at == datetime.fromtimestamp(at[tag], UTC), tag
        assert one.sha == target[tag], tag
        leads = [at[tag] - int(committed_at[sha]) for sha in own]
        ours = [one.deployed_at.timestamp() - int(committed_at[sha]) for sha in shas]
        assert sorted(ours) == sorted(leads), tag
        if own:
            assert median(ours) == median(leads), tag
    first = {sha: tags[number] for number, one in enumerate(deployments) for sha in noted[one.id].shas or ()}
    check_containment(repository, tags, first)


def check_containment(repository: Path, tags: list[str], first: dict[str, str]) -> None:
    """Of every commit, its release is the earliest of `git tag --contains`, the tags in whose lists it is."""
    containing: dict[str, set[str]] = {}
    for tag in tags:
        for sha in git(repository, "rev-list", f"refs/tags/{tag}"):
            containing.setdefault(sha, set()).add(tag)
    place = {tag: number for number, tag in enumerate(tags)}
    assert first == {sha: min(its, key=place.__getitem__) for sha, its in containing.items()}
    for sha in list(containing)[:: max(1, len(containing) // 5)]:
        assert set(git(repository, "tag", "--contains", sha)) == containing[sha], sha
