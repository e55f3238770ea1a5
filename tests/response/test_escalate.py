"""Who is paged when: policies told as stories, and what holds of all of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from resile.model.escalation import Escalation, EscalationState
from resile.model.event import Escalated, NobodyReachable, Paged
from resile.model.message import Message, MessageClass, MessageState
from resile.model.policy import Called, Callee, Contact, Policy, Step, Target, TargetKind, Way
from resile.model.time import MINUTE
from resile.response.escalate import Advanced, advance, begun, pushed

NIGHT = datetime(2026, 3, 2, 3, tzinfo=UTC)


def way(channel: str, after: timedelta = timedelta(0)) -> Way:
    return Way(
        contact=Contact(name=channel, channel=channel, address=f"someone@{channel}"), after=after, is_verified=True
    )


WAYS = {
    "ann": (way("push"), way("sms", 2 * MINUTE)),
    "bob": (way("push"),),
    "nobody": (),
}


def call(step: Step) -> Called:
    """Everybody whom a step names, by their usual ways."""
    names = [target.name for target in step.page]
    callees = tuple(Callee(person=name, why="on call", ways=WAYS[name]) for name in names if name in WAYS)
    return Called(callees=callees, missing=tuple(f"{name} is gone" for name in names if name not in WAYS))


def policy(*steps: tuple[str, float], repeat: int = 0, last: float = 5) -> Policy:
    """Steps of (person, minutes after the step before)."""
    return Policy(
        name="night",
        steps=tuple(Step(page=(Target(TargetKind.PERSON, name),), after=after * MINUTE) for name, after in steps),
        repeat=repeat,
        last=last * MINUTE,
    )


class Night:
    """An escalation through a night, with what became of its pages."""

    def __init__(self, its: Policy) -> None:
        self.now = NIGHT
        self.escalation: Escalation = begun("INC-1", its, None, now=NIGHT)
        self.messages: dict[str, Message] = {}
        self.paged: list[tuple[float, str, str]] = []
        self.told: list[type] = []
        self.because: dict[type, str] = {}
        self.look()

    def look(self) -> Advanced:
        """Look what is due now; every page is handed over."""
        advanced = advance(self.escalation, self.messages, call, now=self.now)
        self.escalation = advanced.escalation
        self.told += [kind for kind, _ in advanced.told]
        self.because |= {kind: str(fields["because"]) for kind, fields in advanced.told if "because" in fields}
        for page in advanced.pages:
            minutes = (self.now - NIGHT) / MINUTE
            self.paged.append((minutes, page.person, page.way.contact.channel))
            self.messages[page.id] = Message(
                id=page.id,
                message_class=MessageClass.PAGE,
                channel=page.way.contact.channel,
                address="a",
                title="t",
                text="",
                queued_at=self.now,
                due_at=self.now,
                state=MessageState.HANDED,
                handed_at=self.now,
            )
        return advanced

    def until(self, minutes: float) -> None:
        """Let time pass, looking whenever something is due."""
        ends_at = NIGHT + minutes * MINUTE
        advanced = self.look()
        while advanced.due_at is not None and advanced.due_at <= ends_at:
            assert advanced.due_at > self.now
            self.now = advanced.due_at
            advanced = self.look()
        self.now = max(self.now, ends_at)

    def last_page(self, state: MessageState, **fields: object) -> None:
        """What became of the last page."""
        page_id = list(self.messages)[-1]
        self.messages[page_id] = replace(self.messages[page_id], state=state, **fields)


def test_second_person_is_paged_once_the_first_stayed_silent() -> None:
    night = Night(policy(("ann", 0), ("bob", 5)))

    night.until(6)

    assert night.paged == [(0, "ann", "push"), (2, "ann", "sms"), (5, "bob", "push")]


def test_nobody_reachable_is_declared_when_the_policy_has_passed() -> None:
    night = Night(policy(("ann", 0), ("bob", 5)))

    night.until(60)

    assert night.escalation.state is EscalationState.UNREACHABLE
    assert night.told.count(NobodyReachable) == 1
    assert night.now - NIGHT >= night.escalation.policy.ends_after


@pytest.mark.parametrize(("repeat", "words"), [(0, "one round"), (2, "3 rounds")])
def test_after_how_many_rounds_it_was_declared_is_said(repeat: int, words: str) -> None:
    night = Night(policy(("ann", 0), repeat=repeat))

    night.until(60)

    assert night.because[NobodyReachable] == f"nobody acknowledged in {words} of policy {night.escalation.policy.name}"


def test_policy_is_done_again_as_often_as_it_says() -> None:
    night = Night(policy(("bob", 1), repeat=2, last=4))

    night.until(60)

    assert night.paged == [(1, "bob", "push"), (6, "bob", "push"), (11, "bob", "push")]
    assert len(night.messages) == 3
    assert night.escalation.state is EscalationState.UNREACHABLE


def test_next_way_is_taken_at_once_where_a_page_did_not_come_through() -> None:
    for state in (MessageState.FAILED, MessageState.UNCERTAIN):
        night = Night(policy(("ann", 0), ("bob", 5)))
        night.last_page(state)

        night.look()

        assert night.paged == [(0, "ann", "push"), (0, "ann", "sms")]


def test_page_that_is_refused_and_tried_again_has_the_next_way_taken_meanwhile() -> None:
    night = Night(policy(("ann", 0)))
    night.last_page(MessageState.QUEUED, n_tries=1, error="the provider is not there")

    night.look()

    assert [channel for _, _, channel in night.paged] == ["push", "sms"]


def test_page_that_was_refused_counts_as_lost_while_it_is_tried_again() -> None:
    """Else a provider that hangs the second time, or a sender that dies, would hold up the next way."""
    night = Night(policy(("ann", 0)))
    night.last_page(MessageState.SENDING, n_tries=2, error="the provider is not there")

    night.look()

    assert [channel for _, _, channel in night.paged] == ["push", "sms"]


def test_page_that_is_tried_the_first_time_is_waited_for() -> None:
    night = Night(policy(("ann", 0)))
    night.last_page(MessageState.SENDING, n_tries=1)

    night.look()

    assert [channel for _, _, channel in night.paged] == ["push"]


def test_next_step_begins_at_once_where_nothing_of_a_step_came_through() -> None:
    night = Night(policy(("bob", 0), ("ann", 5)))
    night.last_page(MessageState.FAILED)

    night.look()

    assert night.paged == [(0, "bob", "push"), (0, "ann", "push")]


def test_new_round_waits_for_its_time_though_nothing_came_through() -> None:
    night = Night(policy(("bob", 0), repeat=1))
    night.last_page(MessageState.FAILED)

    night.look()
    assert len(night.paged) == 1

    night.until(5)
    assert night.paged[1:] == [(5, "bob", "push")]


def test_page_without_its_receipt_counts_as_lost_when_the_receipt_was_due() -> None:
    night = Night(policy(("ann", 0), ("bob", 5)))
    night.last_page(MessageState.HANDED, receipt_due_at=NIGHT + MINUTE)

    night.until(1)

    assert night.paged == [(0, "ann", "push"), (1, "ann", "sms")]


def test_receipt_in_time_leaves_the_next_way_to_its_own_time() -> None:
    night = Night(policy(("ann", 0), ("bob", 5)))
    night.last_page(MessageState.DELIVERED, receipt_due_at=NIGHT + MINUTE)

    night.until(3)

    assert night.paged == [(0, "ann", "push"), (2, "ann", "sms")]


def test_step_that_comes_to_nobody_is_told_and_passed_over() -> None:
    night = Night(policy(("gone", 0), ("nobody", 5), ("bob", 5)))

    assert night.paged == [(0, "bob", "push")]
    assert night.told == [Escalated, Escalated, Escalated, Paged]


def test_pushed_escalation_pages_the_next_step_at_once() -> None:
    night = Night(policy(("ann", 0), ("bob", 30)))
    night.until(3)
    night.escalation = pushed(night.escalation, now=night.now)

    night.look()

    assert night.paged[-1] == (3, "bob", "push")


def test_same_look_twice_decides_the_same_pages() -> None:
    started = begun("INC-1", policy(("ann", 0), ("bob", 0)), None, now=NIGHT)

    one = advance(started, {}, call, now=NIGHT)
    two = advance(started, {}, call, now=NIGHT)

    assert one == two
    assert [page.id for page in one.pages] == [page.id for page in two.pages]
    assert [page.is_first for page in one.pages] == [True, False]


STEPS = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "gone", "nobody"]), st.integers(0, 10)), min_size=1, max_size=4
)


@given(steps=STEPS, repeat=st.integers(0, 3), last=st.integers(1, 10), looks=st.lists(st.integers(1, 300), max_size=30))
def test_every_policy_ends_within_its_bound_however_often_it_is_looked_at(
    steps: list[tuple[str, int]], repeat: int, last: int, looks: list[int]
) -> None:
    its = policy(*steps, repeat=repeat, last=last)
    night = Night(its)

    for seconds in looks:  # looks at odd times change nothing but when things are noticed
        night.until((night.now - NIGHT) / MINUTE + seconds / 60)
    night.until(its.ends_after / MINUTE + 1)

    assert night.escalation.state is EscalationState.UNREACHABLE
    assert night.told.count(NobodyReachable) == 1
    keys = [(person, channel) for _, person, channel in night.paged]
    assert all(keys.count(key) <= (repeat + 1) * len(steps) for key in keys)
