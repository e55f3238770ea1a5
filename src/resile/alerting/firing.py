"""Which alerts fire now, so kept that the one which inhibits another is found at once."""

from collections.abc import Iterable, Sequence

from resile.model.alert import Alert
from resile.model.matcher import fit_all, values_of
from resile.model.route import Inhibition

Values = tuple[tuple[str, ...], ...]


class Firing:
    """The alerts that fire, by the inhibitions whose `while_firing` they fit."""

    def __init__(self, inhibitions: Sequence[Inhibition], alerts: Iterable[tuple[str, Alert]] = ()) -> None:
        self._inhibitions = inhibitions
        self._known: list[dict[Values, dict[str, bool]]] = [{} for _ in inhibitions]
        self._places: dict[str, list[tuple[int, Values]]] = {}
        self._titles: dict[str, str] = {}
        for alert_id, alert in alerts:
            self.put(alert_id, alert)

    def put(self, alert_id: str, alert: Alert) -> None:
        """It fires, as it is said now."""
        self.drop(alert_id)
        for n, inhibition in enumerate(self._inhibitions):
            if fit_all(inhibition.while_firing, alert):
                values = _values(inhibition, alert)
                self._known[n].setdefault(values, {})[alert_id] = fit_all(inhibition.mute, alert)
                self._places.setdefault(alert_id, []).append((n, values))
                self._titles[alert_id] = alert.title

    def drop(self, alert_id: str) -> None:
        """It fires no more."""
        for n, values in self._places.pop(alert_id, ()):
            del self._known[n][values][alert_id]

    def inhibitor(self, alert_id: str, alert: Alert) -> tuple[Inhibition, str, str] | None:
        """By which inhibition, and by which firing alert's id and title, an alert is muted.

        An alert that fits both sides is not muted by one that does so too: they would mute each other.
        """
        for inhibition, known in zip(self._inhibitions, self._known, strict=True):
            if not fit_all(inhibition.mute, alert):
                continue
            fits_both = fit_all(inhibition.while_firing, alert)
            for other, other_fits_mute in known.get(_values(inhibition, alert), {}).items():
                if other != alert_id and not (fits_both and other_fits_mute):
                    return inhibition, other, self._titles[other]
        return None


def _values(inhibition: Inhibition, alert: Alert) -> Values:
    return tuple(values_of(alert, label) for label in inhibition.equal)
