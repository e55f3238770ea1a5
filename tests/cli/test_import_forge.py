"""`resile import github` as it is typed: what fits, where the token comes from and goes, how it ends."""

import json
from _thread import interrupt_main
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from typer.testing import CliRunner

from resile.cli.main import app
from resile.testing.loopback_forge import Asked, Reply
from tests.sources.forges.github_server import GitHubServer
from tests.sources.forges.github_world import filled

TOKEN = "ghp_0123456789verySecret"  # noqa: S105 - of nobody
VARIABLES = ("RESILE_GITHUB_TOKEN", "GITHUB_TOKEN")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    made = GitHubServer()
    filled(made)
    with made.forge:
        yield made


def run(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "data"), "import", *arguments])
    return result.exit_code, result.stdout, result.stderr + str(result.exception or "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["github", "acme/shop", "--tags", "v*"], "--tags does not go with github; leave it out"),
        (["github", "acme/shop", "--first-parent"], "--first-parent or --all-parents does not go with github"),
        (["github", "acme/shop", "--name", "shop"], "--name does not go with github"),
        (["github", "acme/shop", "--mapping", "x.yaml"], "--mapping does not go with github"),
        (["github", "acme/shop", "--dry-run"], "--dry-run does not go with github"),
        (["git", ".", "--service", "shop", "--host", "git.acme.example"], "--host does not go with git"),
        (["git", ".", "--service", "shop", "--no-releases"], "--releases does not go with git"),
        (["git", ".", "--service", "shop", "--wait", "5"], "--wait does not go with git"),
        (["table", "x.csv", "--token-file", "t"], "--token-file does not go with table"),
        (["table", "x.csv", "--run", "Deploy=production"], "--run does not go with table"),
        (["gihub", "acme/shop"], "histories of kind 'gihub' are unknown; did you mean github?"),
        (["github", "http://git.acme.example/acme/shop"], "would send the token and the answers in clear"),
        (["github", "acme/shop", "--host", "http://git.acme.example"], "use https://git.acme.example"),
        (["github", "https://a.example/acme/shop", "--host", "b.example"], "name two hosts; leave one out"),
        (["github", "https://ann:secret@github.com/acme/shop"], "host 'github.com' cannot be used"),
        (["github", "acme/shop/../other"], "names nothing that github could hold"),
        (["github", "acme/shop/pulls"], "is no repository of GitHub; write acme/shop"),
        (["github", ""], "names nothing that github could hold"),
        (["github", "acme/shop", "--since", "yesterday"], "--since 'yesterday' is no date"),
        (["github", "acme/shop", "--run", "Deploy"], "--run 'Deploy' cannot be used; write NAME=ENV"),
        (["github", "acme/shop", "--environment", "staging"], "--environment"),
        (["github", "acme/shop", "--token-file", "no-such-file"], "token file no-such-file cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    code, _, err = run(tmp_path, *arguments)

    assert code != 0
    assert sentence in err
    assert "secret" not in err


@pytest.mark.parametrize("text", [f"{TOKEN} {TOKEN}", f"{TOKEN}\r\nx: y", "tökén", ""])
def test_a_token_that_is_none_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")

    code, out, err = run(tmp_path, "github", "acme/shop", "--token-file", str(file))

    assert code != 0
    assert f"what stands in {file} is no token" in err
    assert TOKEN not in out + err


@pytest.mark.parametrize("way", ["file", "variable"])
def test_the_token_opens_the_forge_and_stays_out_of_everything_else(
    tmp_path: Path, server: GitHubServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    server.token = TOKEN
    options = ["--explain", "--json"]
    if way == "variable":
        monkeypatch.setenv("RESILE_GITHUB_TOKEN", f"{TOKEN}\n")
    else:
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        options += ["--token-file", str(tmp_path / "token")]

    code, out, err = run(tmp_path, "github", f"{server.forge.address}/acme/shop", *options)

    assert code == 0, err
    told = json.loads(out)
    assert (told["n_commits"], told["n_deployments"], told["n_pull_requests"], told["n_new_incidents"]) == (5, 5, 3, 2)
    assert told["broken_off"] is None
    assert "81: new: v1.4.2" in err
    assert TOKEN not in out + err
    stored = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert stored
    assert not [file for file in stored if TOKEN.encode() in file.read_bytes()]


def test_the_token_of_the_public_host_is_not_sent_to_another(
    tmp_path: Path, server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)

    code, out, _ = run(tmp_path, "github", f"{server.forge.address}/acme/shop")

    assert code == 0
    assert "GITHUB_TOKEN is for github.com alone" in " ".join(out.split())
    assert not [asked for asked in server.forge.asked if "authorization" in asked.headers]


def test_a_limit_beyond_the_wait_ends_it_with_a_sentence_and_code_1(tmp_path: Path, server: GitHubServer) -> None:
    server.forge.fails = [None, Reply(status=429, headers={"retry-after": "600"})]

    code, out, _ = run(tmp_path, "github", "acme/shop", "--host", server.forge.address, "--wait", "5")

    assert code == 1
    assert "Not all was read: GitHub's rate limit is used up until" in out
    assert "run the same command again after that" in out


def test_interrupted_it_says_that_nothing_is_lost_and_goes_on(tmp_path: Path, server: GitHubServer) -> None:
    answer, places = server.forge.reply, ["/releases"]

    def interrupting(asked: Asked) -> Reply:
        if places and asked.path.endswith(places[0]):
            places.clear()
            interrupt_main()
        return answer(asked)

    server.forge.reply = interrupting  # type: ignore[method-assign]

    code, _, err = run(tmp_path, "github", f"{server.forge.address}/acme/shop")

    assert code == 130
    assert "What was read is kept; the same command goes on from there." in err
    code, out, err = run(tmp_path, "github", f"{server.forge.address}/acme/shop", "--json")
    assert code == 0, err
    # The others were kept.
    assert 0 < json.loads(out)["n_deployments"] < 5
