"""Updates are drafted from what is known, agreed to, published once, and promised."""

import threading
from datetime import timedelta

import pytest
from msgspec import UNSET

from resile.app.access import LOCAL, Identity
from resile.app.update_drafts import Wording
from resile.model.catalog import Kind
from resile.model.errors import ConfigError, TransitionError
from resile.model.event import Exclusion, Updated
from resile.model.incident import InstantName
from resile.model.lifecycle import Describe, Mark, Merge
from resile.model.room_event import Role, UpdatePromised, UpdateReminded
from resile.model.room_lifecycle import TakeRole
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from resile.ports.account_store import Scope

from .conftest import Begin
from .world import ANN, BOB, CLEO, NOW, World, body_of

ALL_AUDIENCES = ("responders", "executives", "customers")


def test_customers_read_nothing_that_is_ours_alone(world: World) -> None:
    incident_id = world.declare()
    world.command(incident_id, TakeRole(Role.COMMANDER, "ann"))  # type: ignore[arg-type]

    for phase in ("investigating", "identified", "monitoring", "resolved"):
        prepared = world.updates.prepare(incident_id, "customers", phase)

        said = f"{prepared.title} {prepared.text}"
        for internal in ("HTTP5xx", "db-7", "ann", incident_id, "SEV1"):
            assert internal not in said
        assert "Checkout" in said


def test_phase_follows_from_what_is_known(world: World) -> None:
    incident_id = world.declare()
    found = [world.updates.prepare(incident_id, "customers").phase]
    for name in (InstantName.IDENTIFIED, InstantName.MITIGATED, InstantName.RESTORED):
        world.advance(MINUTE)
        world.reach(incident_id, name)
        found.append(world.updates.prepare(incident_id, "customers").phase)

    assert found == ["investigating", "identified", "monitoring", "resolved"]
    prepared = world.updates.prepare(incident_id, "customers")
    assert (prepared.components, prepared.next_within) == ({"checkout": "operational"}, None)


@pytest.mark.parametrize("audience", ALL_AUDIENCES)
def test_draft_is_saved_changed_and_published_with_its_promise(world: World, audience: str) -> None:
    incident_id = world.declare()
    draft = world.updates.draft(ANN, incident_id, audience)
    changed = world.updates.edit(BOB, incident_id, draft.id, Wording(text="We roll back.", next_within=20 * MINUTE))

    sent = world.updates.publish(BOB, incident_id, changed.id)

    assert sent.sent is not None
    assert (sent.sent.text, sent.sent.title, sent.sent.by) == ("We roll back.", draft.draft.title, "user:bob")
    assert world.room(incident_id).promises == {audience: NOW + 20 * MINUTE}
    with pytest.raises(TransitionError, match="dropped or changed"):
        world.updates.publish(ANN, incident_id, draft.id)


def test_promise_is_counted_down_reminded_of_and_kept(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")

    world.advance(24 * MINUTE)
    assert world.mails("ann@example.org") == []
    world.advance(2 * MINUTE)

    (reminder,) = world.mails("ann@example.org")
    assert "due soon" in reminder["Subject"]
    assert "12:30 UTC" in body_of(reminder)
    world.updates.say(BOB, incident_id, "customers")
    world.advance(6 * MINUTE)
    assert len(world.mails("ann@example.org")) == 1
    assert world.room(incident_id).promises["customers"] == NOW + 56 * MINUTE


def test_late_promise_is_reminded_of_once_more_and_never_again(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")

    world.advance(5 * HOUR)

    assert [("overdue" in mail["Subject"]) for mail in world.mails("ann@example.org")] == [False, True]
    told = [event for event in world.timeline(incident_id) if isinstance(event, UpdateReminded)]
    assert [(event.people, event.is_late, event.at) for event in told] == [
        (("ann",), False, NOW + 25 * MINUTE),
        (("ann",), True, NOW + 30 * MINUTE),
    ]


def test_liaison_is_reminded_before_the_commander_and_the_one_who_acknowledged(world: World) -> None:
    incident_id = world.declare()
    world.command(incident_id, TakeRole(Role.COMMANDER, "nobody-known"))  # type: ignore[arg-type]
    world.command(incident_id, TakeRole(Role.LIAISON, "bob"))  # type: ignore[arg-type]
    world.updates.say(ANN, incident_id, "executives")

    world.advance(26 * MINUTE)

    assert (len(world.mails("bob@example.org")), len(world.mails("ann@example.org"))) == (1, 0)


def test_what_passed_while_nothing_ran_is_told_as_late_alone(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")

    world.clock.advance(3 * HOUR)
    world.work()

    (mail,) = world.mails("ann@example.org")
    assert "overdue" in mail["Subject"]


def test_promise_of_a_few_minutes_is_reminded_of_when_half_of_it_has_passed(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers", said=Wording(next_within=4 * MINUTE))

    world.advance(MINUTE)
    assert world.mails("ann@example.org") == []
    world.advance(MINUTE)

    assert len(world.mails("ann@example.org")) == 1


def test_restored_incident_still_owes_its_last_update_which_keeps_the_promise(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    world.reach(incident_id, InstantName.RESTORED)
    world.advance(26 * MINUTE)
    assert "publish that it is resolved" in body_of(world.mails("ann@example.org")[0]).replace("\n", " ")

    world.updates.say(ANN, incident_id, "customers")

    assert world.room(incident_id).promises == {}
    world.advance(2 * HOUR)
    assert len(world.mails("ann@example.org")) == 1


def test_promise_is_withdrawn_by_a_person_once(world: World) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")

    world.updates.withdraw(ANN, incident_id, "customers")

    assert world.room(incident_id).promises == {}
    world.advance(2 * HOUR)
    assert world.mails("ann@example.org") == []
    with pytest.raises(TransitionError, match="promises nothing"):
        world.updates.withdraw(ANN, incident_id, "customers")


@pytest.mark.parametrize("end", ["closed", "merged", "noise"])
def test_promise_of_what_is_over_is_withdrawn_by_itself(world: World, end: str) -> None:
    incident_id = world.declare()
    world.updates.say(ANN, incident_id, "customers")
    if end == "closed":
        world.reach(incident_id, InstantName.RESTORED)
        world.reach(incident_id, InstantName.CLOSED)
    elif end == "merged":
        world.command(incident_id, Merge(world.declare()))
    else:
        world.command(incident_id, Mark(Exclusion.NOISE))

    world.advance(40 * MINUTE)

    assert world.room(incident_id).promises == {}
    assert world.mails("ann@example.org") == []


def test_as_many_others_agree_as_the_settings_say(begin: Begin) -> None:
    world = begin(updates=[{"audience": "customers", "severities": ["SEV1"], "agree": 1}])
    incident_id = world.declare()
    draft = world.updates.draft(ANN, incident_id, "customers")
    assert draft.draft.needs == 1

    with pytest.raises(TransitionError, match="1 more person has to agree"):
        world.updates.publish(ANN, incident_id, draft.id)
    with pytest.raises(TransitionError, match="somebody else has to agree"):
        world.updates.agree(ANN, incident_id, draft.id)
    with pytest.raises(TransitionError, match="1 more person"):
        world.updates.say(ANN, incident_id, "customers")
    world.updates.agree(BOB, incident_id, draft.id)
    world.updates.agree(BOB, incident_id, draft.id)

    assert world.updates.publish(ANN, incident_id, draft.id).sent is not None
    assert len(world.room(incident_id).drafts) == 1  # What could not be said was not saved either.
    other = world.declare(Severity.SEV3)
    assert world.updates.say(ANN, other, "customers").sent is not None


def test_who_changes_a_draft_needs_agreement_anew(begin: Begin) -> None:
    world = begin(updates=[{"audience": "customers", "agree": 1}])
    incident_id = world.declare()
    draft = world.updates.draft(ANN, incident_id, "customers")
    world.updates.agree(BOB, incident_id, draft.id)

    changed = world.updates.edit(CLEO, incident_id, draft.id, Wording(text="All is lost."))

    with pytest.raises(TransitionError, match="agree"):
        world.updates.publish(CLEO, incident_id, changed.id)
    world.updates.agree(ANN, incident_id, changed.id)
    assert world.updates.publish(CLEO, incident_id, changed.id).sent is not None


def test_of_many_who_publish_at_once_one_does(world: World) -> None:
    world.subscribe("reader@example.net")
    incident_id = world.declare()
    draft = world.updates.draft(ANN, incident_id, "customers")
    refused: list[str] = []
    gate = threading.Barrier(8)

    def press(by: Identity) -> None:
        gate.wait()
        try:
            world.updates.publish(by, incident_id, draft.id)
        except TransitionError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=press, args=(by,)) for by in (ANN, BOB) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.work()

    assert len(refused) == 7
    assert all("was sent by user:" in one for one in refused)
    assert sum(isinstance(event, Updated) for event in world.timeline(incident_id)) == 1
    assert len(world.mails("reader@example.net")) == 2  # the confirmation, and the update


def test_incident_that_somebody_just_closed_or_merged_takes_no_update_but_the_last(world: World) -> None:
    closed, merged, further = world.declare(), world.declare(), world.declare()
    draft = world.updates.draft(ANN, closed, "customers")
    world.reach(closed, InstantName.RESTORED)
    world.reach(closed, InstantName.CLOSED)
    with pytest.raises(TransitionError, match="was closed"):
        world.updates.publish(ANN, closed, draft.id)
    assert world.updates.say(ANN, closed, "customers").draft.status == "resolved"

    world.command(merged, Merge(further))
    with pytest.raises(TransitionError, match=f"merged into {further}"):
        world.updates.say(ANN, merged, "customers")


def test_customers_are_not_told_that_what_still_fails_is_resolved(world: World) -> None:
    incident_id = world.declare()

    with pytest.raises(TransitionError, match="is not restored"):
        world.updates.say(ANN, incident_id, "customers", "resolved")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (Wording(text=" "), "text is empty"),
        (Wording(title="\x1b\x00"), "title is empty"),
        (Wording(text="x" * 10_001), "10,001 characters"),
        (Wording(components={"checkout": "on fire"}), "no state of a component"),
        (Wording(components={str(n): "operational" for n in range(51)}), "more than 50"),
        (Wording(next_within=timedelta(seconds=1)), "within a minute"),
        (Wording(next_within=timedelta(days=400)), "within a minute"),
    ],
)
def test_nonsense_is_refused_and_not_saved(world: World, said: Wording, match: str) -> None:
    incident_id = world.declare()

    with pytest.raises((ConfigError, TransitionError), match=match):
        world.updates.draft(ANN, incident_id, "customers", said=said)

    assert world.room(incident_id).drafts == {}


def test_unknown_audience_phase_incident_and_draft_are_named(world: World) -> None:
    incident_id = world.declare()
    for call, match in (
        (lambda: world.updates.prepare(incident_id, "martians"), "no audience 'martians'"),
        (lambda: world.updates.prepare(incident_id, "customers", "lunch"), "no phase"),
        (lambda: world.updates.prepare("INC-99", "customers"), "INC-99 is not known"),
        (lambda: world.updates.publish(ANN, incident_id, "nope"), "no draft 'nope'"),
    ):
        with pytest.raises((ConfigError, TransitionError), match=match):
            call()


def test_settings_say_how_often_and_whom_else(begin: Begin) -> None:
    world = begin(
        updates=[
            {"audience": "executives", "severities": ["SEV1"], "every": "10m", "people": ["bob", "gone"]},
            {"audience": "executives", "every": "off"},
        ]
    )
    first, second = world.declare(), world.declare(Severity.SEV2)

    world.updates.say(ANN, first, "executives")
    world.updates.say(ANN, second, "executives")
    world.work()

    assert world.room(first).promises == {"executives": NOW + 10 * MINUTE}
    assert world.room(second).promises == {}
    (mail,) = world.mails("bob@example.org")
    assert "HTTP5xxBudgetBurn" in mail["Subject"]


def test_template_of_an_audience_and_phase_words_the_draft_and_a_broken_one_is_shown(world: World) -> None:
    def put(**templates: dict[str, str]) -> None:
        wanted = {(Kind.TEMPLATE, name): (body, "") for name, body in templates.items()}
        world.resile.catalog.apply(LOCAL, world.resile.catalog.changes_to(wanted))
        world.clock.advance(MINUTE)

    ours = {"message": "update", "audience": "customers"}
    put(
        any=ours | {"text": "Something is wrong with {{ components|join(' and ') }}."},
        first={
            **ours,
            "phase": "investigating",
            "text": "We look{% if next_within %}, for {{ next_within }}{% endif %}.",
        },
    )
    incident_id = world.declare()

    first = world.updates.prepare(incident_id, "customers")
    later = world.updates.prepare(incident_id, "customers", "identified")
    others = world.updates.prepare(incident_id, "executives")

    assert (first.text, first.template, first.fault) == ("We look, for 30 min.", "first", None)
    assert (later.text, later.template) == ("Something is wrong with Checkout.", "any")
    assert others.template is None
    put(first={**ours, "phase": "investigating", "text": "{% if components|length > 2 %}{{ nonsense }}{% endif %}Hm."})
    world.command(incident_id, Describe(services=("checkout", "search", "mail")))
    broken = world.updates.prepare(incident_id, "customers")
    assert broken.fault == "template 'first' cannot be rendered: 'nonsense' is undefined; correct it"
    assert broken.text.startswith("Since 2026-03-04 12:01 UTC there are problems with Checkout, Search and mail.")


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in components %}{% for b in range(10**9) %}x{% endfor %}{% endfor %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ components.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% set x = 'a' %}",
        "{{ 'a' * 10**9 }}",
        "{{ cycler }}",
        "{{ incident.commander }}",
    ],
)
def test_template_that_loops_or_reaches_out_is_refused_where_it_is_written(world: World, text: str) -> None:
    body = {"message": "update", "audience": "customers", "text": text}

    with pytest.raises(ConfigError, match="template 'evil'"):
        world.resile.catalog.changes_to({(Kind.TEMPLATE, "evil"): (body, "")})


def test_template_for_an_audience_that_is_none_is_refused(world: World) -> None:
    for body, match in (
        ({"message": "update", "text": "x", "audience": "martians"}, "no audience 'martians'"),
        ({"message": "update", "text": "x", "phase": "lunch"}, "no phase"),
        ({"message": "page", "text": "x", "phase": "resolved"}, "are for updates"),
    ):
        with pytest.raises(ConfigError, match=match):
            world.resile.catalog.changes_to({(Kind.TEMPLATE, "odd"): (body, "")})


def test_reader_may_not_write(world: World) -> None:
    incident_id = world.declare()
    reader = Identity(by="user:eve", name="eve", scopes=frozenset({Scope.READ}))

    for act in (world.updates.draft, world.updates.say, world.updates.withdraw):
        with pytest.raises(Exception, match="needs the right"):
            act(reader, incident_id, "customers")
    assert Wording().text is UNSET
    assert not any(isinstance(event, UpdatePromised) for event in world.timeline(incident_id))
