"""`resile import gitlab` and `bitbucket` as they are typed, from a server on this machine into a data folder."""

import json
from pathlib import Path

import pytest
import stamina
from typer.testing import CliRunner

from resile.cli.main import app
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges import data_center_server, gitlab_server
from tests.sources.forges.gitlab_world import filled as filled_gitlab
from tests.sources.forges.gitlab_world import made
from tests.sources.forges.world import NOW


def run(tmp_path: Path, token: str, *arguments: str) -> tuple[int, str]:
    file = tmp_path / "token"
    file.write_text(f"{token}\n", encoding="utf-8")
    command = ["--data", str(tmp_path / "data"), "import", *arguments, "--token-file", str(file), "--json"]
    with stamina.set_testing(True, attempts=6):
        result = CliRunner().invoke(app, command)
    assert token not in result.stdout + result.stderr
    return result.exit_code, result.stdout if result.exit_code == 0 else result.stderr + str(result.exception or "")


def test_gitlab_is_imported_once_and_then_only_what_is_new(tmp_path: Path) -> None:
    for world in made():
        filled_gitlab(world)
        options = ["gitlab", "acme/platform/shop", "--host", world.server.address]

        code, out = run(tmp_path, gitlab_server.TOKEN, *options)
        again, out_again = run(tmp_path, gitlab_server.TOKEN, *options)

    first, second = json.loads(out), json.loads(out_again)
    assert (code, again) == (0, 0)
    assert (first["n_deployments"], first["n_pull_requests"], first["n_new_incidents"]) == (1, 1, 2)
    assert [second[name] for name in ("n_deployments", "n_pull_requests", "n_new_incidents", "n_read")] == [0] * 4
    # What people see of it is made of it.
    shown = CliRunner().invoke(app, ["--data", str(tmp_path / "data"), "report", "dora", "--json"])
    assert shown.exit_code == 0, shown.output
    assert "shop" in shown.stdout


def test_a_bitbucket_of_ones_own_is_named_by_its_host(tmp_path: Path) -> None:
    with data_center_server.DataCenterServer(SimulatedClock(NOW)) as server:
        server.add()
        server.of("commits").append(data_center_server.commit(data_center_server.HEAD))
        server.of("tags").append(data_center_server.tag("v1.4.2"))

        code, out = run(
            tmp_path, data_center_server.TOKEN, "bitbucket", f"{server.address}/projects/ACME/repos/shop",
            "--host", server.address,
        )  # fmt: skip

    assert code == 0, out
    assert (json.loads(out)["n_commits"], json.loads(out)["n_deployments"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gitlab", "acme/shop", "--tags", "v*"], "--tags does not go with gitlab"),
        (["bitbucket", "acme/shop", "--first-parent"], "does not go with bitbucket"),
        (["gitlab", "acme/shop", "--host", "http://git.acme.example/gitlab"], "in clear"),
        (["bitbucket", "acme/shop/more"], "no workspace or repository of bitbucket.org"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    code, err = run(tmp_path, "a-token", *arguments)

    assert code != 0
    assert sentence in err
