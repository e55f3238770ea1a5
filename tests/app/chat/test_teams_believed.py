"""What Microsoft signed for this app, now and of this organisation, is believed; all else is not."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from resile.app.wiring import open_resile
from resile.model.errors import AccessError, DeliveryError
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import Reply, Request
from resile.testing.loopback_teams_app import APP, ISSUER, LoopbackTeamsApp, with_token
from resile.testing.simulated_clock import SimulatedClock
from tests.app.chat.teams_world import ANN, MINUTE, OTHER_KEY, URL, World, opened
from tests.app.chat.world import NOW


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    folder, clock = fresh_data(tmp_path), SimulatedClock(NOW)
    with LoopbackTeamsApp(NOW) as teams, open_resile(opened(folder, teams), clock=clock) as resile:
        yield World(resile, teams, clock)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    """For whatever changes nothing."""
    folder, clock = fresh_data(tmp_path_factory.mktemp("shared")), SimulatedClock(NOW)
    with LoopbackTeamsApp(NOW) as teams, open_resile(opened(folder, teams), clock=clock) as resile:
        made = World(resile, teams, clock)
        made.declare()
        made.step()
        yield made


def activity(shared: World, **more: Any) -> Any:
    at = shared.clock.now()
    told = shared.teams.asks(URL, shared.place(), more.pop("words", "restored"), member=ANN, name="Ann", at=at, **more)
    return msgspec.json.decode(told.body)


def claims(shared: World) -> dict[str, Any]:
    now_s = int(shared.clock.now().timestamp())
    return {"iss": ISSUER, "aud": APP, "exp": now_s + 60, "serviceurl": f"{shared.teams.address}/teams/"}


def forged(shared: World, fault: str) -> Callback:
    teams, at, now_s = shared.teams, shared.clock.now(), int(shared.clock.now().timestamp())
    public = teams.keys[teams.kid].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"kid": teams.kid}
    match fault:
        case "none":
            return with_token(URL, activity(shared), jwt.encode(claims(shared), "", algorithm="none", headers=head))
        case "hmac by the public key":
            # As libraries refuse to make it, by hand.
            key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
            parts = [
                jwt.utils.base64url_encode(msgspec.json.encode(one)).decode()
                for one in ({"alg": "HS256", "typ": "JWT", **head}, claims(shared))
            ]
            mark = jwt.utils.base64url_encode(key.sign(".".join(parts).encode(), public)).decode()
            return with_token(URL, activity(shared), ".".join([*parts, mark]))
        case "another key":
            return with_token(URL, activity(shared), _by(OTHER_KEY, claims(shared), kid=teams.kid))
        case "unknown key":
            return with_token(URL, activity(shared), _by(OTHER_KEY, claims(shared), kid="nobody"))
        case "changed":
            told = teams.signed(URL, activity(shared), at=at)
            head_, body, mark = told.headers["Authorization"].split(".")
            return with_token(URL, activity(shared), f"{head_.removeprefix('Bearer ')}.{body[:-2]}AA.{mark}")
        case "no token":
            return Callback(url=URL, headers={}, body=msgspec.json.encode(activity(shared)))
        case "too long":
            return with_token(URL, activity(shared), "x" * 9_000)
        case _:
            more: dict[str, Any] = {
                "expired": {"exp": now_s - 301},
                "not yet": {"nbf": now_s + 301},
                "no end": {"exp": None},
                "audience": {"aud": "another-app"},
                "issuer": {"iss": "https://sts.windows.net/x/"},
                "service": {"serviceurl": "https://evil.example/"},
            }[fault]
            said = {name: value for name, value in {**claims(shared), **more}.items() if value is not None}
            return with_token(URL, activity(shared), _by(teams.keys[teams.kid], said, kid=teams.kid))


def _by(key: RSAPrivateKey, said: dict[str, Any], *, kid: str) -> str:
    return jwt.encode(said, key, algorithm="RS256", headers={"kid": kid})


FORGED = ("none", "hmac by the public key", "another key", "unknown key", "changed", "no token", "too long", "expired",
          "not yet", "no end", "audience", "issuer", "service")  # fmt: skip


def test_what_microsoft_did_not_sign_for_this_app_now_is_refused(shared: World) -> None:
    for n, fault in enumerate(FORGED):
        assert shared.post(forged(shared, fault), address=f"192.0.2.{n}").status_code == 401, fault

    assert all(type(one).__name__ != "Restored" for one in shared.timeline())


def test_what_is_said_in_another_organisation_is_refused(shared: World) -> None:
    data = {"channel": {"id": shared.place().id}, "tenant": {"id": "44444444-0000-4000-8000-000000000004"}}
    told = shared.teams.signed(URL, activity(shared, channelData=data), at=shared.clock.now())

    answer = shared.post(told, address="192.0.2.99")

    assert (answer.status_code, "another organisation" in answer.text) == (401, True)


def test_a_new_key_is_looked_up_and_an_old_one_is_believed_no_more(world: World) -> None:
    world.declare()
    world.step()
    assert world.asks("sev SEV2") == "INC-1 is SEV2."
    before = world.teams.tells(URL, world.place(), "Hello", member=ANN, name="Ann", at=world.clock.now())
    n_looked = world.teams.calls["keys"]

    world.teams.rotate()
    world.clock.advance(MINUTE)
    assert world.asks("sev SEV1") == "INC-1 is SEV1."

    assert world.teams.calls["keys"] == n_looked + 1
    assert world.post(before).status_code == 401
    for _ in range(5):
        world.post(before)
    assert world.teams.calls["keys"] == n_looked + 1


def test_keys_of_yesterday_hold_while_microsoft_is_away_and_without_any_it_is_told_again(world: World) -> None:
    world.declare()
    world.step()
    world.teams.refuses["openid"] = [503] * 10
    told = world.teams.tells(URL, world.place(), "Hello", member=ANN, name="Ann", at=world.clock.now())
    assert world.post(told).status_code == 503

    world.teams.refuses.clear()
    world.clock.advance(MINUTE)
    assert world.post(told).status_code == 200
    world.teams.refuses["openid"] = [503] * 10
    world.clock.advance(timedelta(hours=25))
    world.says("Good morning")
    world.step()

    assert world.said() == [("ann", "Hello"), ("ann", "Good morning")]


def test_while_keys_are_looked_up_those_that_are_known_hold_and_new_ones_are_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()
    world.step()
    world.asks("help")
    at, answer = world.clock.advance(MINUTE), world.teams.answer
    is_asked, may_answer = threading.Event(), threading.Event()

    def late(request: Request) -> Reply:
        is_asked.set()
        may_answer.wait(4)
        return answer(request)

    made_up = _by(OTHER_KEY, claims(world), kid="made up")
    known = world.teams.signed(URL, {"serviceUrl": "x"}, at=at).headers["Authorization"]
    assert world.chat.app is not None
    keys = world.chat.app.keys
    monkeypatch.setattr(world.teams, "answer", late)

    def check_made_up() -> None:
        with pytest.raises(AccessError):
            keys.check(f"Bearer {made_up}")

    waiting = threading.Thread(target=check_made_up)
    waiting.start()
    assert is_asked.wait(4)

    assert keys.check(known)["aud"] == APP
    with pytest.raises(DeliveryError):
        keys.check(f"Bearer {made_up}")

    assert waiting.is_alive()
    may_answer.set()
    waiting.join()
    assert keys.check(known)["aud"] == APP
    check_made_up()


def test_a_key_that_is_not_for_teams_is_not_believed(world: World) -> None:
    world.declare()
    world.step()
    world.teams.endorsements = ["webchat"]

    told = world.teams.tells(URL, world.place(), "Hello", member=ANN, name="Ann", at=world.clock.now())

    assert "is not for Teams" in world.post(told).text


def test_an_answer_goes_to_microsoft_alone(shared: World) -> None:
    # Another place, though signed: an answer goes where the settings say.
    told = activity(shared, serviceUrl="http://localhost:1/teams/", words="help")
    n_replies = len(shared.teams.replies)

    assert shared.post(shared.teams.signed(URL, told, at=shared.clock.now())).status_code == 200

    assert len(shared.teams.replies) == n_replies + 1


def test_settings_hold_the_secret_and_show_it_nowhere(shared: World) -> None:
    settings = shared.chat.settings
    assert settings.app is not None
    assert "loopback~secret" not in repr(settings)
    assert "loopback~secret" not in repr(shared.chat.app)


@pytest.mark.parametrize(
    ("more", "words"),
    [({"tenant": "contoso"}, "tenant"), ({"name": "inc"}, "alike"), ({"graph": "http://example.org"}, "not encrypted")],
)
def test_settings_that_cannot_be_used_are_told(tmp_path: Path, more: dict[str, str], words: str) -> None:
    with LoopbackTeamsApp(NOW) as teams, pytest.raises(ValueError, match=words):
        opened(tmp_path, teams, **more)
