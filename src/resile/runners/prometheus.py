"""A Prometheus-compatible address that questions in PromQL are put to."""

from threading import Event
from typing import Any
from urllib.parse import urlencode

import msgspec

from resile.model.errors import DeliveryError
from resile.ports.runner import StepRefusedError, WebClient, Work
from resile.runners.filling import in_promql
from resile.runners.query import MAX_ROWS, Answer, as_table

LANGUAGES = ("query", "promql")
_FINE = 200


class Prometheus:
    """Asks `/api/v1/query`.

    Args:
        url: where it is; the settings name it, so that it may lie inside our own network.
        token: sent as `Authorization: Bearer`.
    """

    def __init__(self, client: WebClient, url: str, *, token: str | None = None) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._headers = {"content-type": "application/x-www-form-urlencoded"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"

    def ask(self, work: Work, *, timeout_s: float, stop: Event) -> Answer:
        """Ask for the value now.

        Raises:
            DeliveryError: it cannot be reached, or says that the question is wrong.
            StepRefusedError: it is no PromQL, or an input cannot stand in it.
        """
        del stop  # a question is short
        if work.language not in LANGUAGES:
            raise StepRefusedError(f"a Prometheus is not asked in {work.language[:40]!r}; write ```promql")
        query = in_promql(work.body.strip(), work.inputs)
        # Whole milliseconds: Prometheus reads no fraction before a unit.
        within = f"{max(round(timeout_s * 1_000), 1)}ms"
        form = urlencode({"query": query, "timeout": within}, errors="replace").encode()
        answer = self._client.ask(
            "POST",
            f"{self._url}/api/v1/query",
            provider="Prometheus",
            timeout_s=timeout_s,
            headers=self._headers,
            body=form,
        )
        if not answer.is_whole:
            raise DeliveryError("Prometheus answered with more than 64 KiB; ask for fewer series")
        try:
            told = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise DeliveryError(f"Prometheus answered {answer.status} with what is no JSON") from None
        if answer.status != _FINE or not isinstance(told, dict) or told.get("status") != "success":
            said = told.get("error", "") if isinstance(told, dict) else ""
            raise DeliveryError(f"Prometheus answered {answer.status}: {str(said)[:300]}".rstrip(": "))
        try:
            return answer_in(told["data"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise DeliveryError("Prometheus answered with what it would not say to a question") from None


def answer_in(told: Any) -> Answer:
    """What the answer's data hold: a scalar, or a value of each series."""
    if told["resultType"] in {"scalar", "string"}:
        value = told["result"][1]
        return Answer(values=[float(value)] if told["resultType"] == "scalar" else [], text=str(value))
    series = [(_labels(one["metric"]), float(one["value"][1])) for one in told["result"]]
    if not series:
        return Answer(values=[], text="no series")
    rows = [(value, labels) for labels, value in series[:MAX_ROWS]]
    text = as_table(("value", "series"), rows, n_more=len(series) > MAX_ROWS)
    return Answer(values=[value for _, value in series], text=text)


def _labels(metric: dict[str, str]) -> str:
    name = metric.get("__name__", "")
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in metric.items() if key != "__name__") + "}"
