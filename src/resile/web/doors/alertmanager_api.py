"""What Alertmanager's own API gives at the door that stands in its place: for amtool, Grafana and their like."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

import msgspec

from resile.app.door_alerts import Receiver, Wanted, alerts_at, status_since
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.web.doors.addresses import Place
from resile.web.doors.answer import Answer, TurnedAwayError

# By which it is asked; what is told is posted.
METHODS = frozenset({"GET", "HEAD"})
# Whether it answers at all may be asked by who knows no secret.
OPEN = frozenset({"healthy", "ready"})
_MAX_FIELDS = 100
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class AlertmanagerApi:
    """Answers the questions of Alertmanager's programs about one door."""

    def __init__(self, resile: Resile) -> None:
        self._resile = resile
        self._started_at = resile.clock.now()
        self._answers: Mapping[str, Callable[[str, bytes], object]] = {
            "alerts": self._alerts,
            "receivers": lambda _door, _query: [Receiver()],
            "status": lambda _door, _query: status_since(self._started_at),
        }

    @staticmethod
    def is_asked(place: Place, method: str) -> bool:
        """Whether somebody asks, and tells nothing."""
        return place.asked is not None and method in METHODS

    def answer(self, place: Place, door: str, query: bytes) -> Answer:
        """The answer to who has shown the door's secret.

        Raises:
            ConfigError: the query is not understood.
            TurnedAwayError: it is a question that only an Alertmanager can answer.
        """
        give = self._answers.get(place.asked or "")
        if give is None:
            raise TurnedAwayError(
                404,
                "resile answers status, alerts and receivers of Alertmanager's API here; for silences, use "
                "`resile silence` or the page Alerts",
            )
        return Answer(200, msgspec.json.encode(give(door, query)))

    def _alerts(self, door: str, query: bytes) -> object:
        try:
            asked = parse_qs(query.decode("latin-1"), max_num_fields=_MAX_FIELDS)
        except ValueError:
            raise ConfigError(f"the query has more than {_MAX_FIELDS} fields; leave some out") from None
        wanted = Wanted(
            filters=asked.get("filter", []),
            receiver=asked.get("receiver", [None])[-1],
            **{name: _truth(asked, name) for name in ("active", "silenced", "inhibited")},
        )
        return alerts_at(self._resile.paging, door, wanted)


def well() -> Answer:
    """As Alertmanager says that it is well."""
    return Answer(200, b"OK", b"text/plain; charset=utf-8")


def _truth(asked: Mapping[str, list[str]], name: str) -> bool:
    said = asked.get(name, ["true"])[-1].lower()
    if said not in _TRUTHS:
        raise ConfigError(f"{name} is {said[:20]!r}; send true or false")
    return _TRUTHS[said]
