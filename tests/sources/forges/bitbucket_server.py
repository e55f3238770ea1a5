"""Bitbucket Cloud on this machine: its lists, pages, limits and refusals, over what a test puts into it."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlencode

from resile.testing.loopback_forge import Asked, Reply
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges.faulty import FaultyForge, reply

TOKEN = "bb-of-this-test"  # noqa: S105 - it opens nothing
_REPOSITORY = re.compile(r"/2\.0/repositories/([^/]+)(?:/([^/]+)(?:/(.+))?)?")


class BitbucketServer(FaultyForge):
    """api.bitbucket.org.

    Attributes:
        lists: by path of a repository and of a list, `acme/shop/deployments`, what stands in it.
        withheld: parts of paths for which the token has no scope.
        minds_order: whether deployments come in the order that is asked for.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(self._replied, clock)
        self.repositories: list[dict[str, Any]] = []
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.withheld: list[str] = []
        self.accepted = {f"Bearer {TOKEN}"}
        self.max_per_page = 100
        self.minds_order = True

    def of(self, place: str, repository: str = "acme/shop") -> list[dict[str, Any]]:
        return self.lists.setdefault(f"{repository}/{place}", [])

    def _replied(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") not in self.accepted:
            return _error("Token is invalid, expired, or not supported for this endpoint.", 401)
        if any(part in asked.path for part in self.withheld):
            return _error("Your credentials lack one or more required privilege scopes.", 403)
        found = _REPOSITORY.fullmatch(asked.path)
        if found is None:
            return _error("Resource not found", 404)
        if found[2] is None:
            under = [one for one in self.repositories if one["full_name"].startswith(f"{found[1]}/")]
            return self._page(under, asked) if under else _error("No workspace with identifier", 404)
        path = f"{found[1]}/{found[2]}"
        repository = next((one for one in self.repositories if one["full_name"] == path), None)
        if repository is None:
            return _error(f"You may not have access to repository {path}", 404)
        return reply(repository) if found[3] is None else self._listed(path, unquote(found[3]), asked)

    def _listed(self, path: str, place: str, asked: Asked) -> Reply:
        kind, _, name = place.partition("/")
        items = self.of(kind if kind in {"deployments", "pipelines", "commit"} else place, path)
        if kind == "commits":
            return self._commits(self.of("commits", path), asked)
        if name and kind in {"deployments", "pipelines"}:
            one = next((one for one in items if one["uuid"] == name), None)
            return _error("Not found", 404) if one is None else reply(one)
        if kind == "commit":
            one = next((one for one in self.of("commits", path) if one["hash"].startswith(name)), None)
            return _error("Commit not found", 404) if one is None else reply({"hash": one["hash"]})
        return self._page(self._sorted(self._since(list(items), asked), kind, asked), asked)

    def _since(self, items: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
        name, _, text = asked.params.get("q", "").partition(">=")
        if not text:
            return items
        after = datetime.fromisoformat(text)
        return [one for one in items if datetime.fromisoformat(one[name]) >= after]

    def _sorted(self, items: list[dict[str, Any]], kind: str, asked: Asked) -> list[dict[str, Any]]:
        sort = asked.params.get("sort", "")
        if not sort or (kind == "deployments" and not self.minds_order):
            return items
        by: Callable[[dict[str, Any]], str] = lambda one: str(_at(one, sort.removeprefix("-")))  # noqa: E731
        return sorted(items, key=by, reverse=sort.startswith("-"))

    def _commits(self, items: list[dict[str, Any]], asked: Asked) -> Reply:
        known = {one["hash"]: one for one in items}
        if not items:
            return self._page([], asked)
        goal = items[0]["hash"] if asked.params["include"] == "main" else asked.params["include"]
        without = asked.params.get("exclude")
        if goal not in known or (without is not None and without not in known):
            return _error("Commit not found", 404)

        def reached(sha: str) -> set[str]:
            found, waiting = set(), [sha]
            while waiting:
                one = waiting.pop()
                if one not in found and one in known:
                    found.add(one)
                    waiting += [parent["hash"] for parent in known[one]["parents"]]
            return found

        wanted = reached(goal) - (reached(without) if without else set())
        return self._page([one for one in items if one["hash"] in wanted], asked)

    def _page(self, items: list[dict[str, Any]], asked: Asked) -> Reply:
        size, page = min(int(asked.params.get("pagelen", "10")), self.max_per_page), int(asked.params.get("page", "1"))
        body: dict[str, Any] = {"pagelen": size, "page": page, "values": items[(page - 1) * size : page * size]}
        if len(items) > page * size:
            body["next"] = f"{self.address}{asked.path}?{urlencode({**asked.params, 'page': str(page + 1)})}"
        return reply(body)


def _at(one: dict[str, Any], path: str) -> Any:
    value: Any = one
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _error(message: str, status: int) -> Reply:
    return reply({"type": "error", "error": {"message": message, "detail": {"required": ["x"]}}}, status)
