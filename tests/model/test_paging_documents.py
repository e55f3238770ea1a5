"""Contacts, rules, policies and templates as people write them: what is understood, and what is said of the rest."""

from datetime import timedelta
from typing import Any

import pytest

from resile.model.catalog import Kind, Person, document_of
from resile.model.errors import ConfigError
from resile.model.paging_documents import PolicyDocument, contacts_of, policy_of, rules_of
from resile.model.policy import Target, TargetKind, ways_of
from resile.model.severity import Severity
from resile.model.time import MINUTE

MOBILE = {"name": "mobile", "channel": "sms", "address": "+15550100"}
MAIL = {"name": "mail", "channel": "email", "address": " ann@example.org "}
STEP = {"page": ["person/ann"]}


def test_policy_pages_at_once_whom_a_step_names_and_waits_between_steps() -> None:
    body = {"steps": [{"page": ["schedule/shop", "person/ann"]}, {"page": ["team/shop"], "after": "10 min"}]}
    told = document_of(Kind.POLICY, "shop", body)
    assert isinstance(told, PolicyDocument)

    policy = policy_of("shop", told, version=3)

    assert [step.page for step in policy.steps] == [
        (Target(TargetKind.SCHEDULE, "shop"), Target(TargetKind.PERSON, "ann")),
        (Target(TargetKind.TEAM, "shop"),),
    ]
    assert [step.after for step in policy.steps] == [timedelta(0), 10 * MINUTE]
    assert (policy.repeat, policy.last, policy.version) == (2, 5 * MINUTE, 3)
    assert policy.ends_after == 3 * 15 * MINUTE


def test_person_is_reached_by_their_rules() -> None:
    rules = [{"use": "mail"}, {"use": "mobile", "after": "2m", "severities": ["SEV1", "p2"]}]
    told = document_of(Kind.PERSON, "ann", {"contacts": [MOBILE, MAIL], "rules": rules})
    assert isinstance(told, Person)
    contacts = contacts_of("ann", told.contacts)

    known = rules_of("ann", told.rules, contacts)

    assert known[1].severities == (Severity.SEV1, Severity.SEV2)
    minor, major = (ways_of(contacts, known, verified=frozenset(), severity=Severity(s)) for s in ("SEV4", "SEV2"))
    assert [(way.contact.address, way.after) for way in minor] == [("ann@example.org", timedelta(0))]
    assert [way.contact.name for way in major] == ["mail", "mobile"]


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        (
            "policy",
            {"steps": []},
            "policy 'x' has no steps, so that it would page nobody; give it one: - page:",
        ),
        ("policy", {}, "policy 'x': object missing required field steps; correct it"),
        ("policy", {"steps": [{"page": []}]}, "policy 'x', step 1 pages nobody; name somebody: page: [schedule/pay"),
        ("policy", {"steps": [{"page": ["ann"]}]}, "step 1: 'ann' is no target; write person/ann, schedule/shop or"),
        ("policy", {"steps": [{"page": ["group/a"]}]}, "step 1: 'group/a' is no target"),
        ("policy", {"steps": [STEP, {**STEP, "after": "soon"}]}, "step 2: length 'soon' is not understood; write 90s"),
        ("policy", {"steps": [{**STEP, "after": "5"}]}, "step 1: length '5' is not understood; write 90s, 5m or 2h"),
        ("policy", {"steps": [{**STEP, "after": "25h"}]}, "step 1: '25h' lies outside 0 to 1d"),
        ("policy", {"steps": [STEP], "last": "10s"}, "last: '10s' lies outside 1m to 1d;"),
        ("policy", {"steps": [STEP], "repeat": 21}, "repeat 21 lies outside 0 to 20"),
        ("policy", {"steps": [STEP] * 21}, "21 steps are more than 20; leave some out"),
        ("policy", {"steps": [{"page": ["person/a"] * 21}]}, "21 targets are more than 20; make them a team"),
        ("person", {"contacts": [MOBILE, MOBILE]}, "there are two contacts 'mobile'; give one another name"),
        ("person", {"contacts": [{**MOBILE, "name": "My phone"}]}, "contact 'My phone': use 1 to 64 small letters"),
        ("person", {"contacts": [{**MOBILE, "address": " "}]}, "contact 'mobile' has no usable address"),
        ("person", {"contacts": [{**MOBILE, "address": "a\nb"}]}, "contact 'mobile' has no usable address"),
        ("person", {"contacts": [{**MOBILE, "channel": "S M S"}]}, "'S M S' is no channel; write e.g. sms"),
        ("person", {"contacts": [{"name": "a", "channel": "sms"}]}, "contacts[0]: object missing required field addr"),
        ("person", {"rules": [{"use": "pager"}]}, "rule 1 uses contact 'pager', which they do not have; give the pers"),
        (
            "person",
            {"contacts": [MAIL, MOBILE], "rules": [{"use": "mail"}, {"use": "pager"}]},
            "person 'x', rule 2 uses contact 'pager', which they do not have; use one of mail, mobile",
        ),
        (
            "person",
            {"contacts": [MAIL], "rules": [{"use": "mail", "severities": ["bad"]}]},
            "person 'x', rule 1: severity 'bad' is unknown; use SEV1 to SEV5",
        ),
        ("template", {"message": "page"}, "template 'x' says nothing; give it a text: or a subject:"),
        ("template", {"message": "poem", "text": "a"}, "there is no message 'poem'; write one of page, shift_notice"),
        ("template", {"message": "page", "text": "a" * 8001}, "longer than 8000 characters; shorten it"),
        ("template", {"message": "page", "text": "a", "channel": "!"}, "'!' is no channel; write e.g. sms"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_sentence(kind: str, body: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        document_of(Kind(kind), "x", body)

    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("+49 (151) 123-45678", "+4915112345678"),
        (" +4915112345678 ", "+4915112345678"),
        ("+49 ann", "+49 ann"),
        ("https://ntfy.sh/a-b", "https://ntfy.sh/a-b"),
        ("#ops-night", "#ops-night"),
    ],
)
def test_telephone_number_is_compared_as_providers_write_it(written: str, compared: str) -> None:
    told = document_of(Kind.PERSON, "ann", {"contacts": [{**MOBILE, "address": written}]})
    assert isinstance(told, Person)

    assert contacts_of("ann", told.contacts)[0].address == compared
