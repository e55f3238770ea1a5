"""A step's question to a real Prometheus."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest

from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.model.playbook import Comparison, Expectation
from resile.model.room_event import StepOutcome
from resile.ports.runner import Work
from resile.runners.prometheus import Prometheus
from resile.runners.query import QueryRunner
from tests.e2e.monitoring import prometheus

LASTING = Expectation(Comparison.LESS, 0.005, timedelta(seconds=0.1))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryRunner]:
    with prometheus(tmp_path_factory.mktemp("asked") / "prometheus", "127.0.0.1:9", "") as address:
        yield QueryRunner({"prometheus": Prometheus(HttpClient(Outward()), address)}, every_s=0.02)


def test_what_holds_for_long_enough_passes(runner: QueryRunner) -> None:
    work = Work(language="promql", body="vector(0.001)", inputs={}, timeout_s=20.9, expect=LASTING)

    ran = runner.run(work, Event())

    assert (ran.outcome, ran.value, ran.because) == (StepOutcome.DONE, 0.001, "")


def test_input_is_exactly_the_text_that_was_given(runner: QueryRunner) -> None:
    hostile = """x"} or vector(1) # ' ` \\ é {{ """
    body = 'label_replace(vector(1), "got", "$value", "", "")'

    ran = runner.run(Work(language="promql", body=body, inputs={"value": hostile}, timeout_s=20.0), Event())

    assert ran.outcome is StepOutcome.DONE
    assert f'{{got="{hostile}"}}' in ran.head.decode()


def test_what_is_no_question_fails_in_the_words_of_prometheus(runner: QueryRunner) -> None:
    work = Work(language="promql", body="rate(", inputs={}, timeout_s=0.5, expect=LASTING)

    ran = runner.run(work, Event())

    assert ran.outcome is StepOutcome.FAILED
    assert "parse error" in ran.because
