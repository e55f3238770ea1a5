"""Slack's way to write is made plain, whatever stands in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.app.chat_card import MAX_NAME, name_of
from resile.channels.slack_blocks import escaped
from resile.channels.slack_room_card import ACKNOWLEDGE, Card, blocks_of
from resile.channels.slack_text import MAX_TEXT, mentioned, plain_of
from resile.channels.teams_webhook import plain_of as teams_plain_of
from resile.channels.words import cut
from resile.model.incident import Incident, Register
from resile.testing.loopback_slack import _are_valid, read_for_marks
from tests.channels.pages import HOSTILE, TEXTS


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<@U024BE7LH> and <@U0NOBODY|zoe>", "@ann and @zoe"),
        ("<@U0NOBODY>", "@U0NOBODY"),
        ("see <#C024BE91L|ops>", "see #ops"),
        ("<!here> <!channel|channel> <!subteam^S1|@team>", "@here channel @team"),
        ("<https://example.org/?a=1&amp;b=2|the graph>", "the graph (https://example.org/?a=1&b=2)"),
        ("<https://example.org>", "https://example.org"),
        ("a < b > c", "a  b  c"),
        ("two\nlines\r\nand\x00 more", "two\nlines\nand  more"),
    ],
)
def test_a_text_is_made_plain(text: str, plain: str) -> None:
    assert plain_of(text, {"U024BE7LH": "ann"}.get) == plain


@given(TEXTS)
def test_what_was_typed_comes_back_as_slack_writes_it(text: str) -> None:
    # Slack writes out its three signs in what people type.
    assert plain_of(escaped(text)) == cut(text, MAX_TEXT)


@given(st.one_of(TEXTS, st.text(alphabet=list("<>@#!|&;ltgamp^U1/at =\n"), max_size=400)))
def test_any_text_ends_within_the_limit_without_controls(text: str) -> None:
    for plain in (plain_of(text, most=100), teams_plain_of(text)[:100]):
        assert len(plain) <= 100
        assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", plain) is None
        plain.encode()


@given(title=TEXTS, line=TEXTS)
def test_whatever_a_card_shows_slack_takes_it_and_reads_no_mark_in_it(title: str, line: str) -> None:
    card = Card(
        incident_id="INC-7", title=title, state="It is open.", lines=[("Cause", line)], answers=[ACKNOWLEDGE], url=None
    )

    told = blocks_of(card)

    assert _are_valid(told["blocks"])
    assert read_for_marks(told["text"]) == []


@given(TEXTS, st.integers(1, 20))
def test_whatever_a_title_holds_its_channel_has_a_name_that_slack_takes(title: str, suffix: int) -> None:
    incident = Incident(id="INC-7", title=Register(title, ()))  # type: ignore[arg-type]

    name = name_of("inc-{number}-{title}", "INC-7", incident, suffix=suffix)

    assert 0 < len(name) <= MAX_NAME
    assert name.startswith("inc-7")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_mention_names_its_member() -> None:
    assert [mentioned(one) for one in ("<@U024BE7LH>", "<@U024BE7LH|ann>", "@ann", HOSTILE)] == [
        "U024BE7LH",
        "U024BE7LH",
        None,
        None,
    ]
