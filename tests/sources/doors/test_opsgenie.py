"""Requests to Opsgenie's alert API, sent here instead of there."""

import re
from typing import Any

import pytest

from resile.model.alert import AlertState
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.opsgenie import open_door
from tests.sources.doors.alert_bodies import heard, opsgenie
from tests.sources.doors.bodies import RECEIVED, delivery


def on(path: str) -> dict[str, str]:
    return {"x-resile-path": path}


def test_a_created_alert_fires() -> None:
    alert = heard("opsgenie", opsgenie(), on("/v2/alerts"))

    assert (alert.fingerprint, alert.state, alert.title) == ("shop/backup", AlertState.FIRING, "Backups of shop fail")
    assert (alert.severity, alert.service, alert.starts_at) == (Severity.SEV2, "shop", RECEIVED)
    assert alert.description == "Two nights in a row."
    assert alert.playbook == "https://playbooks.acme.example/backup"
    assert alert.labels == {
        "tags": "nightly",
        "env": "production",
        "region": "eu-1",
        "runbook_url": "https://playbooks.acme.example/backup",
        "entity": "shop",
        "source": "backup-1",
        "team": "storage",
    }


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("/v2/alerts/shop%2Fbackup/close?identifierType=alias", AlertState.RESOLVED),
        ("/doors/opsgenie/v2/alerts/shop%2Fbackup/acknowledge", AlertState.ACKNOWLEDGED),
        ("/v2/alerts/close?alias=shop%2Fbackup", AlertState.RESOLVED),
    ],
)
@pytest.mark.parametrize("body", [b"", {"user": "Ann", "note": "Done."}])
def test_an_alert_is_closed_and_acknowledged_by_the_alias_in_the_path(path: str, state: AlertState, body: Any) -> None:
    alert = heard("opsgenie", body, on(path))

    assert (alert.state, alert.fingerprint, alert.title) == (state, "shop/backup", "")
    assert (alert.by, alert.description) == ((None, "") if body == b"" else ("Ann", "Done."))
    assert alert.warnings == ()


def test_without_an_alias_those_that_say_the_same_are_one_and_nothing_can_close_them() -> None:
    alert, again = (heard("opsgenie", opsgenie(alias=None, description=text)) for text in ("a", "b"))

    assert alert.fingerprint == again.fingerprint
    assert heard("opsgenie", opsgenie(alias=None, entity="cart")).fingerprint != alert.fingerprint
    assert any("no alias" in warning for warning in alert.warnings)


def test_a_message_is_enough() -> None:
    alert = heard("opsgenie", {"message": "Help"}, service="shop")

    assert (alert.title, alert.severity, alert.service) == ("Help", Severity.SEV3, "shop")


@pytest.mark.parametrize("path", ["/v2/alerts/x/notes", "/v2/alerts/x/tags?identifierType=alias", "/v2/alerts/x"])
def test_other_requests_mean_nothing(path: str) -> None:
    said = open_door(DoorOptions()).understand(delivery("opsgenie", {"note": "x"}, on(path)))

    assert said.unmapped


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "the body is empty"), ([], "the body is a list, not an object"), (b"{", "the body ends too early")],
)
def test_bad_input_is_refused_with_its_place(body: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        heard("opsgenie", body)
