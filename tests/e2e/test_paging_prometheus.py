"""From a service that breaks under a real Prometheus to a person who answers, and to the report of it."""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from resile.testing.loopback_smtp import LoopbackSmtp
from resile.testing.two_people import reaching_settings, two_people
from resile.testing.webhook_sink import WebhookSink
from tests.e2e.monitoring import SOON_S, Watched, alertmanager, pasted, prometheus, wait_until
from tests.e2e.program import Program, Server

STEP_S = 3
POLICY = f"""\
kind: policy
name: default
steps:
- page: [person/ann]
- page: [person/bob]
  after: {STEP_S}s
- page: [person/ann]
  after: {STEP_S}s
repeat: 0
last: 1m
"""


class Story:
    """Everything at work: the service, those who watch it, resile, and where people read."""

    def __init__(self, program: Program, server: Server, watched: Watched, mail: LoopbackSmtp, hook: WebhookSink):
        self.program = program
        self.server = server
        self.watched = watched
        self.mail = mail
        self.hook = hook

    def look(self, path: str) -> Any:
        """What the API says."""
        with urllib.request.urlopen(f"{self.server.address}/api/v1{path}", timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())

    def state(self) -> str:
        """Of the incident; empty: there is none."""
        listed = self.look("/incidents")["rows"]
        assert len(listed) <= 1, "there is more than one incident"
        return str(listed[0]["status"]) if listed else ""

    def n_pages(self) -> tuple[int, int]:
        """How many reached ann and bob."""
        return len(self.mail.taken), len(self.hook.requests)


def by_prometheus(story: Story, folder: Path, stack: ExitStack) -> None:
    """Prometheus talks to resile as to an Alertmanager."""
    printed = pasted(opened(story, "prometheus"))
    stack.enter_context(prometheus(folder / "prometheus", story.watched.address, printed))


def by_alertmanager(story: Story, folder: Path, stack: ExitStack) -> None:
    """Prometheus talks to an Alertmanager, and that to resile."""
    between = stack.enter_context(alertmanager(folder / "alertmanager", pasted(opened(story, "alertmanager"))))
    host = between.removeprefix("http://")
    alerting = f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{host}']}}]}}]}}\n"
    stack.enter_context(prometheus(folder / "prometheus", story.watched.address, alerting))


def opened(story: Story, kind: str) -> str:
    """What is printed when the door is made."""
    with story.program.told(RESILE_PORT=story.server.address.rpartition(":")[2]):
        return story.program.run("door", "add", kind).stdout


@contextmanager
def told(program: Program, connect: Callable[[Story, Path, ExitStack], None]) -> Iterator[Story]:
    """The story up to the moment before the service breaks."""
    with ExitStack() as stack:
        watched, mail = stack.enter_context(Watched()), stack.enter_context(LoopbackSmtp())
        hook = stack.enter_context(WebhookSink())
        data, catalog = program.folder / "data", program.folder / "catalog"
        data.mkdir()
        catalog.mkdir()
        (data / "resile.toml").write_text(reaching_settings(mail.port))
        (catalog / "people.yaml").write_text(two_people(hook.address) + POLICY)
        program.run("apply", "catalog", "--yes")
        story = Story(program, stack.enter_context(program.serving("up")), watched, mail, hook)
        connect(story, program.folder, stack)
        wait_until(lambda: len(watched.requests) > 1, "the service is watched")
        yield story


def acknowledge(url: str) -> str:
    """Open the link of a message, and press the button on the page."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - a link that resile sent
        page = answer.read().decode()
    assert 'value="acknowledge"' in page
    body = urllib.parse.urlencode({"do": "acknowledge"}).encode()
    with urllib.request.urlopen(url, body, timeout=30) as answer:  # noqa: S310 - as above
        return str(answer.read().decode())


def link_in(mail: LoopbackSmtp) -> str:
    """Where the newest mail says how to acknowledge."""
    text = mail.taken[-1].message.get_body(("plain",))
    assert text is not None
    found = re.search(r"Acknowledge:\s+(\S+)", text.get_content())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("connect", [by_prometheus, by_alertmanager])
def test_service_that_breaks_pages_until_somebody_answers_and_is_restored_when_it_is_mended(
    program: Program, connect: Callable[[Story, Path, ExitStack], None]
) -> None:
    with told(program, connect) as story:
        story.watched.is_broken = True
        wait_until(lambda: story.n_pages() == (1, 0), "ann is paged first")
        wait_until(lambda: story.n_pages() == (1, 1), "bob is paged, as ann stays silent")
        said = acknowledge(link_in(story.mail))
        answered_at = time.monotonic()
        state = story.look("/incidents/INC-1/pages")["state"]

        story.watched.is_broken = False
        wait_until(lambda: story.state() == "restored", "the incident is restored")
        wait_until(lambda: time.monotonic() > answered_at + STEP_S, "the next step would have begun")
        pages = story.n_pages()
        incident = story.look("/incidents/INC-1")
        dwell = story.look("/incidents/INC-1/pages")["dwell"]
        report = program.json("report", "restore", "--by", "severity")

        # The same again, soon after: not another incident, but the same one, and somebody is paged for it anew.
        story.watched.is_broken = True
        wait_until(lambda: story.n_pages() == (2, 1), "ann is paged anew")
        state_then = story.look("/incidents/INC-1/pages")["state"]
        story.watched.is_broken = False
        wait_until(lambda: story.state() == "restored", "the incident is restored again")
        kinds = [event["kind"] for event in story.look("/incidents/INC-1")["timeline"]]

    assert "You took INC-1. Nobody else is paged for it." in said
    assert state == "acknowledged"
    assert pages == (1, 1)
    assert incident["title"] == "Shop is down"
    assert incident["severity"] == "SEV1"
    instants = {name: told["source"] for name, told in incident["instants"].items() if told is not None}
    assert instants == {"detected": "measured", "acknowledged": "measured", "restored": "measured"}
    assert 0 < dwell["detected_to_handed_s"] < SOON_S
    assert STEP_S <= dwell["handed_to_acknowledged_s"] < SOON_S
    assert report["overall"]["n_restored"] == 1
    assert [group["key"] for group in report["groups"]] == [{"severity": "SEV1"}]
    assert state_then == "running"
    assert "reopened" in kinds
