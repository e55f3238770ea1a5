from datetime import UTC, datetime, timedelta

import pytest

from resile.analytics.delivery_query import PRODUCTION, Definitions
from resile.analytics.query import Condition, Window
from resile.app.delivery_questions import DeliveryAsked, conditions, delivery_asked, delivery_question
from resile.model.errors import ConfigError

WINDOW = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))


def asked(*pairs: tuple[str, str], also: tuple[str, ...] = ()) -> DeliveryAsked:
    return delivery_question(pairs, default_window=WINDOW, also=also)


def test_without_words_production_is_asked_for_over_all_that_is_known() -> None:
    found = asked()

    assert found.problems == []
    assert (found.query.window, found.query.services, found.query.environments) == (WINDOW, (), PRODUCTION)
    assert (found.query.attribution_window, found.query.definitions) == (timedelta(hours=24), Definitions.RESILE)


def test_every_word_is_read() -> None:
    found = asked(
        ("from", "2024-02-01"), ("to", "2024-03-01"), ("service", "shop"), ("service", ""), ("environment", "Staging"),
        ("window", "48h"), ("definitions", "middleware"),
    )  # fmt: skip

    assert found.problems == []
    assert found.query.window == Window(datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))
    assert found.query.services == ("shop", "")
    assert found.query.environments == ("staging",)
    assert found.query.attribution_window == timedelta(days=2)
    assert found.query.definitions is Definitions.MIDDLEWARE
    assert conditions(found.query) == (Condition("service", ("shop", "")), Condition("environment", ("staging",)))


def test_any_environment_is_all_of_them() -> None:
    assert asked(("environment", "any")).query.environments == ()


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("window", "soon"), "window: 'soon' is no length of time"),
        (("window", "0h"), "window: '0h' is no length of time"),
        (("window", "9999w"), "window: '9999w' is no length of time"),
        (("definitions", "google"), "'google'"),
        (("severity", "SEV1"), "'severity' is no filter of deliveries"),
        (("from", "banana"), "from: time 'banana'"),
        (("colour", "red"), "'colour' is no filter of deliveries"),
    ],
)
def test_what_is_not_understood_is_told_and_left_out(pair: tuple[str, str], said: str) -> None:
    found = asked(pair)

    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert found.query == asked().query
    with pytest.raises(ConfigError, match=r"use|write|is not ISO"):
        delivery_asked([pair], default_window=WINDOW)


def test_a_word_given_twice_differently_is_told() -> None:
    assert asked(("window", "24h"), ("window", "48h")).problems == ["window is given 2 times; give it once"]


def test_what_a_page_reads_itself_is_no_doubt() -> None:
    assert asked(("show", "failed"), ("page", "3"), also=("show", "page")).problems == []
