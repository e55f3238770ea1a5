"""Further people are called in, by service or by name, and whoever is being paged already is not let go of."""

import pytest

from resile.model.errors import ConfigError
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach
from resile.model.paging_documents import target_of
from resile.model.policy import Target, TargetKind
from resile.model.room_event import CalledIn
from resile.model.time import MINUTE

from .world import Night, command, person, policy

DOCUMENTS = {
    ("person", "ann"): person("push"),
    ("person", "bob"): person("push"),
    ("person", "cem"): person("push", "sms"),
    ("person", "dea"): person("push"),
    ("schedule", "ledger"): {
        "zone": "UTC",
        "layers": [{"name": "one", "starts": "2026-01-01 09:00", "every": "week", "people": ["dea"]}],
    },
    ("team", "payments"): {"members": ["cem"], "policy": "payments"},
    ("team", "ledger"): {"schedules": ["ledger"]},
    ("service", "payments"): {"owner": "payments"},
    ("service", "ledger"): {"owner": "ledger"},
    ("service", "orphan"): {},
    ("policy", "payments"): policy(("person/cem", "0"), ("person/bob", "5m")),
    ("policy", "default"): policy(("person/ann", "0"), ("person/bob", "5m")),
}


def called(night: Night) -> list[CalledIn]:
    return [event for event in night.events() if isinstance(event, CalledIn)]


def call(night: Night, *said: str, because: str = "") -> str:
    targets = [target_of(one, "whom to call in", services=True) for one in said]
    told = night.paging.call_in("INC-1", targets, who="eve", by="user:eve", because=because)
    night.work()
    return told


def test_service_brings_the_first_step_of_its_policy_beside_those_who_are_paged() -> None:
    night = Night(DOCUMENTS)
    night.page()

    said = call(night, "service/payments", because="the ledger rejects writes")
    night.advance(6 * MINUTE)

    assert said == "INC-1: called in cem."
    assert [(one.target, one.people, one.because) for one in called(night)] == [
        ("service/payments", ("cem",), "the ledger rejects writes")
    ]
    # The policy goes on to its second step, and whoever was called in rings on by every way.
    assert night.paged() == ["ann", "cem", "cem", "bob"]


def test_service_without_a_policy_brings_whoever_is_on_call_for_its_owner() -> None:
    night = Night(DOCUMENTS)
    night.page()

    assert call(night, "service/ledger") == "INC-1: called in dea."
    assert night.paged() == ["ann", "dea"]


def test_call_after_somebody_took_it_rings_until_it_is_answered() -> None:
    night = Night(DOCUMENTS)
    night.page()
    night.paging.acknowledge("INC-1", who="ann", by="user:ann")

    call(night, "service/payments")
    night.paging.acknowledge("INC-1", who="cem", by="user:cem")
    night.advance(10 * MINUTE)

    assert night.paged() == ["ann", "cem"]


def test_person_who_rings_already_is_not_paged_twice() -> None:
    night = Night(DOCUMENTS)
    night.page()

    call(night, "person/ann")
    call(night, "person/cem")
    call(night, "person/cem")

    assert night.paged() == ["ann", "cem"]
    assert len(called(night)) == 3


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("service/nope", "service nope is not in the catalog"),
        ("service/orphan", "service orphan has neither a policy nor an owner"),
    ],
)
def test_service_that_brings_nobody_is_refused(target: str, sentence: str) -> None:
    night = Night(DOCUMENTS)
    night.page()

    with pytest.raises(ConfigError, match=sentence):
        call(night, target)
    assert not called(night)


def test_nobody_is_called_in_for_what_is_over() -> None:
    night = Night(DOCUMENTS)
    night.page()
    command(night, Reach(InstantName.RESTORED))

    with pytest.raises(ConfigError, match="INC-1 is over already: restored; reopen it first"):
        call(night, "service/payments")


def test_policy_names_no_service() -> None:
    with pytest.raises(ConfigError, match="is no target; write person/ann, schedule/shop or team/shop"):
        target_of("service/payments", "policy 'x', step 1")
    assert target_of("service/payments", "x", services=True) == Target(TargetKind.SERVICE, "payments")
