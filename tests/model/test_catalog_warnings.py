"""What is allowed in a catalog and yet will leave somebody waiting at night."""

from typing import Any

from resile.model.catalog import Document, Kind, document_of
from resile.model.catalog_warnings import warnings_of

MAIL = {"contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}]}


def catalog(**bodies: dict[str, Any]) -> dict[tuple[Kind, str], Document]:
    """Documents by `kind__name`."""
    found = {}
    for key, body in bodies.items():
        kind, _, name = key.partition("__")
        found[Kind(kind), name] = document_of(Kind(kind), name, body)
    return found


def paging(*targets: str) -> dict[str, Any]:
    return {"steps": [{"page": list(targets)}]}


def rotation(*people: str) -> dict[str, Any]:
    layers = [{"name": "primary", "starts": "2026-03-02 09:00", "every": "week", "people": list(people)}]
    return {"zone": "UTC", "layers": layers if people else []}


def test_catalog_that_reaches_somebody_everywhere_has_no_warnings() -> None:
    assert warnings_of({}) == []
    assert warnings_of(catalog(person__ann={})) == []
    assert (
        warnings_of(
            catalog(
                person__ann=MAIL,
                schedule__shop=rotation("ann"),
                team__shop={"members": ["ann"], "schedules": ["shop"], "policy": "shop"},
                service__checkout={"owner": "shop"},
                policy__shop=paging("schedule/shop", "team/shop", "person/ann"),
            )
        )
        == []
    )


def test_targets_that_come_to_nobody_are_told_with_their_step() -> None:
    found = warnings_of(
        catalog(
            schedule__empty=rotation(),
            team__empty={"schedules": ["empty"]},
            policy__default={"steps": [{"page": ["schedule/empty"]}, {"page": ["team/empty"]}]},
        )
    )

    assert found == [
        "policy 'default', step 1: schedule/empty comes to nobody; give the schedule a layer with people",
        "policy 'default', step 2: team/empty comes to nobody; give the team members, or schedules with people",
        "1 team without members: 'empty'; name those who are in them",
    ]


def test_whom_a_policy_pages_without_a_contact_is_told_however_they_are_named() -> None:
    found = warnings_of(
        catalog(
            person__ann={},
            person__bob={},
            person__cyd={},
            person__eve=MAIL,
            person__idle={},
            schedule__shop=rotation("bob", "eve"),
            team__shop={"members": ["cyd", "eve"]},
            policy__default=paging("person/ann", "schedule/shop"),
            policy__other=paging("team/shop", "person/ann"),
        )
    )

    assert found == [
        "person 'ann' has no contacts, and policies 'default', 'other' page them; give them contacts",
        "person 'bob' has no contacts, and policy 'default' pages them; give them contacts",
        "person 'cyd' has no contacts, and policy 'other' pages them; give them contacts",
    ]


def test_services_that_nobody_owns_or_is_paged_for_are_told_in_one_sentence_each() -> None:
    bodies: dict[str, Any] = {f"service__s{number}": {} for number in range(7)}
    unpaged = "6 services without a policy, of their own or their team's: 's1', 's2', 's3', 's4', 's5' and 1 more"
    bodies |= {"person__ann": MAIL, "policy__shop": paging("person/ann"), "service__s0": {"policy": "shop"}}

    assert warnings_of(catalog(**bodies)) == [
        "7 services without an owner: 's0', 's1', 's2', 's3', 's4' and 2 more; name the team that owns them",
        f"{unpaged}; name one, or write a policy 'default', which holds for all others",
    ]
    assert len(warnings_of(catalog(**bodies, policy__default=paging("person/ann")))) == 1


def test_catalog_without_any_policy_says_so_once() -> None:
    found = warnings_of(catalog(person__ann={}, schedule__shop=rotation("ann")))

    assert found == [
        "there is no policy, so that nobody is paged for anything; write one",
        "1 schedule that no policy and no team names: 'shop'; name or remove them",
    ]


def test_members_of_a_team_are_called_where_its_schedules_have_nobody() -> None:
    found = warnings_of(
        catalog(
            person__ann={},
            schedule__empty=rotation(),
            team__shop={"members": ["ann"], "schedules": ["empty"]},
            policy__default=paging("team/shop"),
        )
    )

    assert found == ["person 'ann' has no contacts, and policy 'default' pages them; give them contacts"]
