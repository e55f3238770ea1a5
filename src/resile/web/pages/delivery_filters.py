"""What an address asks of the deliveries, and the addresses one step away from it."""

from fastapi import Request

from resile.analytics.delivery_query import PRODUCTION, Definitions, DeliveryQuery
from resile.analytics.dora_words import window_words
from resile.app.delivery_questions import USUAL_WINDOW, delivery_question
from resile.app.dora import delivery_window
from resile.app.wiring import Resile
from resile.web.pages.filters import OWN, Asked, Chip, Pair, join, window_chip

# Names of a question about deliveries that a question about incidents does not have.
_DELIVERY_ONLY = ("environment", "window", "definitions", "show")


class DeliveryAsked(Asked, frozen=True, kw_only=True):
    """A question about deliveries as an address asks it; `query` is the one to the incidents beside it."""

    delivery: DeliveryQuery

    def scope(self) -> list[Pair]:
        """What limits the incidents: window and services, but neither environments nor how deliveries are shown."""
        shown = {*_DELIVERY_ONLY, *OWN}
        return [(name, value) for name, value in self.given if name not in shown]

    def environments(self) -> tuple[str, ...]:
        """The environments that the address names."""
        return () if self.delivery.environments == PRODUCTION else self.delivery.environments

    def of_place(self, service: str | None, environment: str | None, **more: str) -> str:
        """This page for one service in one environment."""
        put = [("service", service or ""), ("environment", environment or ""), *more.items()]
        return self.address(drop=["page", "show"], put=put)


def ask_of_deliveries(request: Request) -> DeliveryAsked:
    """Read the question in the request's address."""
    resile: Resile = request.app.state.resile
    given = tuple(request.query_params.multi_items())
    found = delivery_question(given, default_window=delivery_window(resile), also=("show", *OWN))
    return DeliveryAsked(
        path=request.url.path,
        query=found.beside,
        problems=found.problems,
        given=given,
        is_empty=next(iter(resile.deliveries.services()), None) is None,
        delivery=found.query,
    )


def delivery_chips(asked: DeliveryAsked) -> list[Chip]:
    """The question in words, part by part."""
    query = asked.delivery
    found = [window_chip(asked)]
    found += [Chip("Service", value or "none", _without(asked, "service", value)) for value in query.services]
    if query.environments == PRODUCTION:
        found.append(Chip("Environment", "production"))
    elif not query.environments:
        found.append(Chip("Environment", "any", asked.address(drop=["environment", "page"])))
    found += [
        Chip("Environment", value or "none", _without(asked, "environment", value)) for value in asked.environments()
    ]
    is_usual = query.attribution_window == USUAL_WINDOW
    within = window_words(query.attribution_window.total_seconds())
    found.append(Chip("Failures within", within, None if is_usual else asked.address(drop=["window", "page"])))
    if query.definitions is not Definitions.RESILE:
        found.append(Chip("Definitions", query.definitions.value, asked.address(drop=["definitions", "page"])))
    return found


def _without(asked: Asked, name: str, value: str) -> str:
    kept = [
        (own, text)
        for own, text in asked.given
        if own != "page" and (own, text.strip().lower()) != (name, value.lower())
    ]
    return join(asked.path, kept)
