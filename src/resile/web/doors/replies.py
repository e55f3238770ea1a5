"""What each sender is answered, in the words that its own programs expect."""

from typing import Protocol

import msgspec

from resile.ports.journal import Delivery
from resile.web.doors.answer import Answer, retry_after

DEDUP_KEY = "x-resile-dedup-key"


class Accepting(Protocol):
    """Answers that a delivery is on the disk."""

    def __call__(self, delivery: Delivery, *, is_new: bool, took_s: float) -> Answer:
        """The answer; `is_new` False: it was there already."""
        ...


class Refusing(Protocol):
    """Answers that nothing was taken."""

    def __call__(self, status: int, detail: str, *, retry_after_s: int | None = None) -> Answer:
        """The answer, with a sentence."""
        ...


def accepted(delivery: Delivery, *, is_new: bool, took_s: float) -> Answer:
    """To whoever has no wish of their own."""
    del took_s
    told = {"status": "accepted" if is_new else "known", "id": delivery.id}
    return Answer(202 if is_new else 200, msgspec.json.encode(told))


def change_event_accepted(delivery: Delivery, *, is_new: bool, took_s: float) -> Answer:
    """As the libraries of PagerDuty's senders expect it."""
    del took_s
    message = "Change event processed" if is_new else "Known already"
    return Answer(202, msgspec.json.encode({"status": "success", "message": message, "id": delivery.id}))


def event_accepted(delivery: Delivery, *, is_new: bool, took_s: float) -> Answer:
    """With the key by which the sender may resolve it."""
    del is_new, took_s
    told = {"status": "success", "message": "Event processed", "dedup_key": delivery.headers.get(DEDUP_KEY, "")}
    return Answer(202, msgspec.json.encode(told))


def first_event_accepted(delivery: Delivery, *, is_new: bool, took_s: float) -> Answer:
    """As the first version of PagerDuty's events has it."""
    del is_new, took_s
    told = {"status": "success", "message": "Event processed", "incident_key": delivery.headers.get(DEDUP_KEY, "")}
    return Answer(200, msgspec.json.encode(told))


def event_refused(status: int, detail: str, *, retry_after_s: int | None = None) -> Answer:
    """As PagerDuty refuses."""
    word = "throttle exceeded" if status == 429 else "invalid event"  # noqa: PLR2004 - the protocol's number
    message = "Event object is invalid" if status == 400 else "Nothing was taken"  # noqa: PLR2004 - as above
    told = {"status": word, "message": message, "errors": [detail]}
    return Answer(status, msgspec.json.encode(told), retry_after_s=retry_after(status, retry_after_s))


def prometheus_accepted(delivery: Delivery, *, is_new: bool, took_s: float) -> Answer:
    """As Alertmanager answers Prometheus: nothing but that it is well."""
    del delivery, is_new, took_s
    return Answer(200, b"")


def prometheus_refused(status: int, detail: str, *, retry_after_s: int | None = None) -> Answer:
    """As Alertmanager refuses: a sentence as JSON, which its own programs print."""
    return Answer(status, msgspec.json.encode(detail), retry_after_s=retry_after(status, retry_after_s))


def opsgenie_accepted(delivery: Delivery, *, is_new: bool, took_s: float) -> Answer:
    """As the libraries of Opsgenie's senders expect it."""
    del is_new
    told = {"result": "Request will be processed", "took": round(took_s, 4), "requestId": delivery.id}
    return Answer(202, msgspec.json.encode(told))


def opsgenie_refused(status: int, detail: str, *, retry_after_s: int | None = None) -> Answer:
    """As Opsgenie refuses."""
    return Answer(status, msgspec.json.encode({"message": detail}), retry_after_s=retry_after(status, retry_after_s))
