"""Which playbook fits an incident, and what its steps are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.model.playbook import Playbook
from resile.model.playbook_match import About, Missing, best_first, inputs_of, matches
from resile.model.playbook_text import parse_playbook
from resile.model.severity import Severity


def playbook(name: str, match: str, inputs: str = "{}") -> Playbook:
    return parse_playbook(name, f"---\nplaybook: {name}\nmatch: {match}\ninputs: {inputs}\n---\n")


def about(*alerts: dict[str, str], services: tuple[str, ...] = (), severity: Severity | None = None) -> About:
    return About(id="INC-7", number=7, title="It fails", severity=severity, services=services, alerts=alerts)


def test_the_more_conditions_the_better_and_a_value_before_a_pattern() -> None:
    known = [
        playbook("service", "{service: shop}"),
        playbook("pattern", '{service: shop, alertname: "~High.*"}'),
        playbook("value", "{service: shop, alertname: HighErrors}"),
        playbook("other", "{service: shop, alertname: Other}"),
        playbook("people", "{}"),
        playbook("anything", '{env: "!test"}'),
    ]
    found = best_first(known, about({"alertname": "HighErrors"}, services=("shop",)))

    assert [one.name for one, _ in found] == ["value", "pattern", "service"]
    assert found[0][1].because == "service is shop and alertname is HighErrors"


def test_all_conditions_hold_for_one_alert_or_it_does_not_fit() -> None:
    both = playbook("both", "{a: x, b: y}")

    assert matches(both, about({"a": "x"}, {"b": "y"})) is None
    assert matches(both, about({"a": "1"}, {"a": "x", "b": "y"})) is not None
    assert matches(playbook("bad", "{severity: SEV1}"), about(severity=Severity.SEV1)) is not None


def test_inputs_are_the_bytes_of_the_alerts_and_of_the_incident() -> None:
    sources = "{host: label.host, id: incident.id, n: incident.number, how: incident.severity, which: incident.service}"
    found = inputs_of(playbook("p", "{a: x}", sources), about({"a": "x", "host": "$(reboot) é"}, services=("shop",)))

    assert found.values == {"host": "$(reboot) é".encode(), "id": b"INC-7", "n": b"7", "which": b"shop"}
    assert found.missing == {"how": Missing("nothing says incident.severity")}


def test_alerts_that_differ_leave_an_input_missing_until_somebody_chooses() -> None:
    one = playbook("p", "{a: x}", "{host: label.host}")
    known = about({"a": "x", "host": "h1"}, {"a": "x", "host": "h2"}, {"a": "other", "host": "h3"})

    assert inputs_of(one, known).missing == {"host": Missing("label.host is not one: there are 2", ("h1", "h2"))}
    assert inputs_of(one, known, chosen={"host": "h2"}).values == {"host": b"h2"}
    assert inputs_of(one, known, chosen={"host": "; rm -rf /"}).values == {}


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 40_000])
def test_what_no_process_can_be_given_is_missing(value: str) -> None:
    assert inputs_of(playbook("p", "{a: x}", "{v: label.v}"), about({"a": "x", "v": value})).values == {}


@given(st.text(min_size=1, max_size=50))
def test_any_label_arrives_byte_for_byte_or_not_at_all(value: str) -> None:
    found = inputs_of(playbook("p", "{a: x}", "{v: label.v}"), about({"a": "x", "v": value}))

    assert found.values.get("v", value.encode(errors="replace")) == value.encode(errors="replace")
    assert ("v" in found.values) is not ("v" in found.missing)
