"""Deliveries and incidents told to the running program: soon on the pages, and nothing lost where the disk is full."""

import hashlib
import hmac
import json
import resource
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from tests.e2e.program import Program

# What the pages promise is a second; a machine that does much else besides may take longer.
SOON_S = 10.0
BIG = "x" * 20_000


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - an address that resile printed
        text: str = answer.read().decode()
        return text


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < until, f"not so within {SOON_S} s"


def test_deployment_and_incident_sent_by_curl_are_on_the_pages_soon_after(program: Program) -> None:
    with program.serving("up") as server:
        get(f"{server.address}/")

        program.shell(
            f"curl -sSf {server.address}/api/v1/deployments "
            """-H 'Content-Type: application/json' -d '{"service": "shop", "version": "1.4.2"}'"""
        )
        wait_until(lambda: "1.4.2" in get(f"{server.address}/delivery"))
        program.shell(
            f"curl -sSf {server.address}/api/v1/incidents -H 'Content-Type: application/json' "
            """-d '{"title": "Checkout answers 500", "severity": "SEV2", "services": ["checkout"]}'"""
        )
        wait_until(lambda: "Checkout answers 500" in get(f"{server.address}/incidents"))


def test_full_disk_turns_deliveries_away_until_there_is_room_and_loses_none(program: Program) -> None:
    secret = program.json("door", "add", "github")["secret"]
    with program.serving("up") as server:

        def knock(number: int) -> tuple[int, str | None]:
            return delivered(f"{server.address}/doors/github", secret, number)

        taken = [number for number in range(10) if knock(number)[0] == 202]
        used = sum(path.stat().st_size for path in (program.folder / "data").glob("journal.sqlite3*"))
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (used + 100_000, resource.RLIM_INFINITY))
        answers = {number: knock(number) for number in range(10, 60)}
        taken += [number for number, (status, _) in answers.items() if status == 202]
        page = get(f"{server.address}/incidents")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        # As a sender does that was told to come again.
        taken += [number for number, (status, _) in answers.items() if status == 503 and knock(number)[0] == 202]

    assert {status for status, _ in answers.values()} == {202, 503}
    assert {after for status, after in answers.values() if status == 503} == {"5"}
    assert "Incidents" in page
    assert sorted(taken) == list(range(60))
    assert kept(program) == {f"d{number}" for number in taken}


def kept(program: Program) -> set[str]:
    return {line["id"] for line in program.json("journal", "list", "--limit", "1000")["entries"]}


def delivered(address: str, secret: str, number: int) -> tuple[int, str | None]:
    """Status and Retry-After."""
    body = json.dumps({"zen": BIG, "n": number}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": f"d{number}",
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=30) as answer:  # noqa: S310
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Retry-After"]
