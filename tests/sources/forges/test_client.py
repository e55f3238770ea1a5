"""How a forge is asked: what is tried again, waited for, followed, refused; and where the token goes."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from resile.model.errors import ConfigError
from resile.ports.source import Progress
from resile.sources.forges.client import Answer, ForgeClient, LimitedError, Manners, WithheldError
from resile.testing.loopback_forge import Asked, LoopbackForge, Reply
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
TOKEN = "ghp_verySecretIndeed"  # noqa: S105 - of nobody
MANNERS = Manners(
    title="GitHub",
    token_header=lambda token: ("authorization", f"Bearer {token}"),
    token_is_from="RESILE_GITHUB_TOKEN",  # noqa: S106 - where it is
    granted="x-accepted-github-permissions",
)


class World:
    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self.forge = LoopbackForge(answer)
        self.clock = SimulatedClock(NOW)
        self.said: list[str] = []
        self.token: str | None = TOKEN
        self.patience = timedelta(minutes=65)

    def ask(self, path: str = "repos/acme/shop", **more: Any) -> Answer:
        token = None if self.token is None else SecretStr(self.token)
        client = ForgeClient(MANNERS, self.forge.address + "/api/v3", token, self.clock, patience=self.patience)
        try:
            return self.listen(client.get(path, **more))
        finally:
            client.close()

    def listen(self, asking: Any) -> Answer:
        while True:
            try:
                told = next(asking)
            except StopIteration as end:
                return end.value
            assert isinstance(told, Progress)
            self.said.append(told.says)


@pytest.fixture
def world() -> Iterator[World]:
    made = World(lambda asked: Reply(body={"path": asked.path}))
    with made.forge:
        yield made


def test_the_token_goes_in_a_header_and_nowhere_else(world: World) -> None:
    answer = world.ask("repos/acme/shop", params={"page": "2"})

    (asked,) = world.forge.asked
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.path == "/api/v3/repos/acme/shop"
    assert asked.params == {"page": "2"}
    assert answer.json()["path"].text() == "/api/v3/repos/acme/shop"


@pytest.mark.parametrize(
    "failing",
    [
        [Reply(status=502), Reply(status=500, body=b"<html>"), Reply(status=504)],
        [Reply(body={"path": "half of it"}, is_dropped=True), Reply(status=503)],
    ],
)
def test_what_may_pass_is_tried_again(world: World, failing: list[Reply]) -> None:
    world.forge.fails = list(failing)

    assert world.ask().json()["path"].is_told
    assert len(world.forge.asked) == len(failing) + 1
    assert any("trying again" in words for words in world.said)


def test_a_forge_that_stays_away_is_said_after_a_few_attempts(world: World) -> None:
    world.forge.fails = [Reply(status=502)] * 6

    with pytest.raises(ConfigError, match="answered 502, 6 times in a row; what was read is kept") as caught:
        world.ask()
    assert TOKEN not in str(caught.value)


def test_nobody_listening_is_said() -> None:
    world = World(lambda _: Reply())
    with world.forge:
        pass

    with pytest.raises(ConfigError, match="cannot be reached"):
        world.ask()


@pytest.mark.parametrize(
    ("reply", "until"),
    [
        (Reply(status=429, headers={"retry-after": "90"}), NOW + timedelta(seconds=91)),
        (Reply(status=403, headers={"retry-after": "90"}), NOW + timedelta(seconds=91)),
        (Reply(status=503, headers={"retry-after": "90"}), NOW + timedelta(seconds=91)),
        (
            Reply(
                status=403,
                headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 600)},
            ),
            NOW + timedelta(seconds=601),
        ),
        (
            Reply(status=429, headers={"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(NOW.timestamp()) + 600)}),
            NOW + timedelta(seconds=601),
        ),
        (
            Reply(status=403, body={"message": "You have exceeded a secondary rate limit. Wait a few minutes."}),
            NOW + timedelta(seconds=60),
        ),
    ],
)
def test_a_limit_is_waited_for_as_long_as_it_says(world: World, reply: Reply, until: datetime) -> None:
    # The forge's clock is what counts, and this one has ours.
    dated = {**reply.headers, "date": NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    world.forge.fails = [Reply(status=reply.status, headers=dated, body=reply.body)]

    world.ask()

    assert world.clock.now() == until
    assert world.said == [f"waiting for GitHub's rate limit until {until:%H:%M} UTC"]


def test_a_limit_is_waited_for_before_it_is_overrun(world: World) -> None:
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 60)}
    dated = {**spent, "date": NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    world.forge.fails = [Reply(body={}, headers=dated)]
    client = ForgeClient(MANNERS, world.forge.address, SecretStr(TOKEN), world.clock, patience=world.patience)

    world.listen(client.get("one"))
    assert world.clock.now() == NOW
    world.listen(client.get("two"))
    client.close()

    assert world.clock.now() == NOW + timedelta(seconds=61)
    assert [asked.path for asked in world.forge.asked] == ["/one", "/two"]


def test_a_wrong_clock_of_ours_does_not_lengthen_a_limit(world: World) -> None:
    theirs = NOW - timedelta(minutes=40)
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(theirs.timestamp()) + 30),
        "date": theirs.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    world.forge.fails = [Reply(status=403, headers=headers)]

    world.ask()

    assert world.clock.now() == NOW + timedelta(seconds=31)


def test_beyond_the_patience_it_ends_with_when_to_go_on(world: World) -> None:
    world.forge.fails = [Reply(status=429, headers={"retry-after": "7200"})]

    with pytest.raises(LimitedError, match="used up until 14:00 UTC; what was read is kept, run the same command"):
        world.ask()
    assert world.clock.now() == NOW


def test_without_a_token_the_way_to_a_higher_limit_is_told(world: World) -> None:
    world.token, world.patience = None, timedelta()
    world.forge.fails = [Reply(status=429, headers={"retry-after": "60"})]

    with pytest.raises(LimitedError, match="with a token it is far higher"):
        world.ask()
    assert "authorization" not in world.forge.asked[0].headers


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=401, body={"message": "Bad credentials"}), "refuses the token (401)"),
        (Reply(status=404, body={"message": "Not Found"}), "the token needs Deployments: read"),
        (
            Reply(status=403, headers={"x-accepted-github-permissions": "deployments=read"}, body={"message": "no"}),
            "the token needs deployments=read",
        ),
        (Reply(status=410, body={"message": "Issues are disabled"}), "410: Issues are disabled"),
        (Reply(status=400, body={"message": "what?\x1b[2J"}), "answered 400 for repos/acme/shop: what? [2J"),
    ],
)
def test_a_refusal_says_what_is_missing(world: World, reply: Reply, words: str) -> None:
    world.forge.fails = [reply]

    with pytest.raises(ConfigError) as caught:
        world.ask(needs="Deployments: read")
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert isinstance(caught.value, WithheldError) == (reply.status in {403, 404, 410})


def test_a_redirect_within_the_host_is_followed_with_the_token(world: World) -> None:
    world.forge.fails = [Reply(status=301, headers={"location": "/api/v3/repositories/81"})]

    assert world.ask().json()["path"].text() == "/api/v3/repositories/81"
    assert world.forge.asked[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_redirect_to_another_host_is_not_followed(world: World) -> None:
    with LoopbackForge(lambda _: Reply(body={})) as other:
        world.forge.fails = [Reply(status=302, headers={"location": f"{other.address}/x"})]

        with pytest.raises(ConfigError, match=r"leads on to 127\.0\.0\.1, where the token is not sent"):
            world.ask()
        assert other.asked == []


def test_a_next_page_on_another_host_is_not_asked_for(world: World) -> None:
    with LoopbackForge(lambda _: Reply(body={})) as other:
        world.forge.fails = [Reply(body=[], headers={"link": f'<{other.address}/x?page=2>; rel="next"'})]
        answer = world.ask()

        with pytest.raises(ConfigError, match="the token is not sent"):
            world.ask(answer.next_page or "")
        assert other.asked == []


def test_a_redirect_to_what_is_no_address_is_said(world: World) -> None:
    world.forge.fails = [Reply(status=302, headers={"location": "https://[::1"})]

    with pytest.raises(ConfigError, match="which is no address"):
        world.ask()


def test_redirects_in_a_circle_end(world: World) -> None:
    world.forge.fails = [Reply(status=302, headers={"location": "/again"})] * 6

    with pytest.raises(ConfigError, match="in a circle"):
        world.ask()


def test_an_answer_without_end_is_not_taken_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.sources.forges.client.MAX_ANSWER_BYTES", 100_000)
    world.forge.fails = [Reply(body=b" " * 200_000)]

    with pytest.raises(ConfigError, match="answered with more than"):
        world.ask()


def test_what_is_no_json_is_said(world: World) -> None:
    world.forge.fails = [Reply(body=b"<html>Sign in</html>")]

    with pytest.raises(ConfigError, match="the answer is no JSON"):
        world.ask().json()


def test_the_next_page_is_what_the_header_says(world: World) -> None:
    link = '<https://a.example/x?page=1>; rel="prev", <?page=3>; rel="next", <https://a.example/x?page=9>; rel="last"'
    world.forge.fails = [Reply(body=[], headers={"link": link})]

    assert world.ask("x").next_page == "x?page=3"


def test_a_host_that_cannot_prove_who_it_is_is_told_nothing_and_not_asked_again(tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=git.acme.example"]
    subprocess.run(
        [*made, "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    world = World(lambda _: Reply(body={}))
    server = world.forge._server
    server.socket = context.wrap_socket(server.socket, server_side=True)
    client = ForgeClient(
        MANNERS,
        world.forge.address.replace("http:", "https:"),
        SecretStr(TOKEN),
        world.clock,
        patience=world.patience,
    )

    with world.forge, pytest.raises(ConfigError, match="cannot prove who it is"):
        world.listen(client.get("repos/acme/shop"))
    client.close()

    assert world.forge.asked == []
    assert world.said == []
