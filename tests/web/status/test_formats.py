"""Feeds by the rules of their formats, and the API as this project's own reader of Statuspage understands it."""

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from resile.app.access import LOCAL
from resile.model.draft import Draft
from resile.model.event import Exclusion
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery
from resile.ports.source import SourceOptions, Taken
from resile.sources.doors.statuspage import open_door
from resile.sources.statuspage import open_source

from .world import NOW, StatusWorld

ATOM = "{http://www.w3.org/2005/Atom}"
ODD = "5 < 6 & \x00\x08 ]]> <script>alert(1)</script> \ud83d\udd25 é"


def parsed(body: bytes) -> ET.Element:
    return ET.fromstring(body)  # noqa: S314 - our own


def three_updates(world: StatusWorld) -> None:
    its = world.declare()
    world.publish(its, "Payments fail.", "investigating", "Payments fail", shop="major_outage")
    world.clock.advance(10 * MINUTE)
    world.publish(its, "Found.", "identified", shop="partial_outage")
    world.clock.advance(50 * MINUTE)
    world.publish(its, "Well.", "resolved")


def test_rss_keeps_to_rss_2(world: StatusWorld) -> None:
    three_updates(world)
    answer = world.get("/history.rss")

    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    root = parsed(answer.body)
    assert (root.tag, root.attrib) == ("rss", {"version": "2.0"})
    (channel,) = root
    for name in ("title", "link", "description"):
        assert channel.findtext(name)
    itself = channel.find(f"{ATOM}link")
    assert itself is not None
    assert itself.attrib["href"] == "https://status.acme.example/history.rss"
    (item,) = channel.findall("item")
    assert item.findtext("link") == item.findtext("guid")
    assert parsedate_to_datetime(item.findtext("pubDate", "")) == NOW
    assert parsedate_to_datetime(channel.findtext("lastBuildDate", "")) == NOW + HOUR
    assert item.findtext("description", "").split("\n\n")[0] == "2026-03-04 13:00 UTC, resolved: Well."


def test_atom_keeps_to_rfc_4287(world: StatusWorld) -> None:
    three_updates(world)
    world.publish(world.declare(), "Slow.", "investigating", "Slow")

    root = parsed(world.get("/history.atom").body)

    assert root.tag == f"{ATOM}feed"
    ids = [one.findtext(f"{ATOM}id", "") for one in (root, *root.findall(f"{ATOM}entry"))]
    assert len(set(ids)) == 3
    assert all(one.startswith("https://status.acme.example/") for one in ids)
    for part in (root, *root.findall(f"{ATOM}entry")):
        assert part.findtext(f"{ATOM}title")
        assert datetime.fromisoformat(part.findtext(f"{ATOM}updated", "")).tzinfo is not None
        (itself,) = (one for one in part.findall(f"{ATOM}link") if one.get("rel") == "alternate")
        assert itself.get("href")
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    newest, oldest = root.findall(f"{ATOM}entry")
    assert (newest.findtext(f"{ATOM}title"), oldest.findtext(f"{ATOM}updated")) == ("Slow", "2026-03-04T13:00:00Z")


def test_feeds_without_incidents_are_valid_too(world: StatusWorld) -> None:
    assert parsed(world.get("/history.rss").body).findall("channel/item") == []
    assert parsed(world.get("/history.atom").body).findtext(f"{ATOM}updated") == "2026-03-04T12:00:00Z"


def test_hostile_words_are_only_words(world: StatusWorld) -> None:
    its = world.declare()
    odd = ODD.encode("utf-16", "surrogatepass").decode("utf-16")
    world.publish(its, odd, "<b>status</b>", odd, **{"<i>": "<u>", "shop": "on fire"})

    for path in ("/history.rss", "/history.atom"):
        assert "<script>" in "".join(parsed(world.get(path).body).itertext())
    for path in ("/", "/history"):
        page = world.get(path).text
        assert "&lt;script&gt;" in page
        assert not re.search("<script|<b>status|<i>|<u>", page)
    (found,) = world.get("/api/v2/incidents.json").json["incidents"]
    assert (found["status"], found["impact"], found["components"]) == ("investigating", "none", [])


def test_our_own_reader_of_statuspage_understands_it(world: StatusWorld, tmp_path: Path) -> None:
    three_updates(world)
    answer = world.get("/api/v2/incidents.json")
    file = tmp_path / "incidents.json"
    file.write_bytes(answer.body)

    (taken,) = open_source(SourceOptions()).read(file)
    assert isinstance(taken, Taken)
    check(taken.draft)

    body = json.dumps({"page": answer.json["page"], "incident": answer.json["incidents"][0]}).encode()
    delivery = Delivery(id="1", door="d", received_at=NOW, headers={}, body=body)
    (told,) = open_door(DoorOptions()).understand(delivery).incidents
    check(told)


def check(draft: Draft) -> None:
    assert (draft.title, draft.severity, draft.services) == ("Payments fail", Severity.SEV1, ("Online shop",))
    assert draft.url is not None
    assert draft.url.startswith("https://status.acme.example/incidents/")
    at = {step.kind: step.at for step in draft.steps}
    assert (at["detected"], at["identified"], at["restored"]) == (NOW, NOW + 10 * MINUTE, NOW + HOUR)
    texts = [step.text for step in draft.steps if step.kind == "updated"]
    assert texts == ["Payments fail.", "Found.", "Well."]


def test_maintenance_is_read_back_as_planned(world: StatusWorld, tmp_path: Path) -> None:
    use = world.resile.communication.maintenance
    use.add(LOCAL, "New disks", ["checkout"], starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR, text="Short.")
    file = tmp_path / "maintenances.json"
    file.write_bytes(world.get("/api/v2/scheduled-maintenances.json").body)

    (taken,) = open_source(SourceOptions()).read(file)

    assert isinstance(taken, Taken)
    assert (taken.draft.title, taken.draft.exclusion) == ("New disks", Exclusion.PLANNED)
