"""A Bitbucket Data Center on this machine, in the shapes that its REST API 1.0 documents; what it says is made up."""

import re
from datetime import datetime
from typing import Any

from resile.testing.loopback_forge import Asked, Reply
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges.faulty import FaultyForge, reply

TOKEN = "dc-of-this-test"  # noqa: S105 - it opens nothing
HEAD = "a3f0" * 10
FIRST = "b17e" * 10
_REPOSITORY = re.compile(r"/rest/api/1\.0/projects/([^/]+)/repos(?:/([^/]+)(?:/(.+))?)?")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def user(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "emailAddress": "x@acme.example", "id": number, "displayName": name.title(), "slug": name}


ANN, BOB = user("ann", 51), user("bob", 52)


class DataCenterServer(FaultyForge):
    """One installation with some repositories; `lists` holds what stands at `shop/pull-requests` and the like."""

    def __init__(self, clock: SimulatedClock, *, root: str = "") -> None:
        super().__init__(self._replied, clock)
        self._root = root
        self.repositories: list[dict[str, Any]] = []
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.withheld: list[str] = []
        self.max_per_page = 100

    def of(self, place: str, slug: str = "shop") -> list[dict[str, Any]]:
        return self.lists.setdefault(f"{slug}/{place}", [])

    def add(self, key: str = "ACME", slug: str = "shop", number: int = 30) -> None:
        base = f"{self.address}{self._root}"
        self.repositories.append(
            {
                "slug": slug,
                "id": number,
                "name": slug,
                "scmId": "git",
                "state": "AVAILABLE",
                "project": {"key": key, "id": 7, "name": "Acme", "type": "NORMAL"},
                "links": {
                    "clone": [
                        {"href": f"ssh://git@127.0.0.1:7999/{key.lower()}/{slug}.git", "name": "ssh"},
                        {"href": f"{base}/scm/{key.lower()}/{slug}.git", "name": "http"},
                    ],
                    "self": [{"href": f"{base}/projects/{key}/repos/{slug}/browse"}],
                },
            }
        )

    def _replied(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _errors("Authentication failed. Please check your credentials and try again.", 401)
        found = _REPOSITORY.fullmatch(asked.path.removeprefix(self._root))
        if found is None:
            return _errors("null for uri", 404)
        if any(part in asked.path for part in self.withheld):
            return _errors("You are not permitted to access this resource", 403)
        if found[2] is None:
            under = [one for one in self.repositories if one["project"]["key"] == found[1]]
            return self._page(under, asked) if under else _errors(f"Project {found[1]} does not exist.", 404)
        here = (one for one in self.repositories if (one["project"]["key"], one["slug"]) == (found[1], found[2]))
        repository = next(here, None)
        if repository is None:
            return _errors(f"Repository {found[1]}/{found[2]} does not exist.", 404)
        return reply(repository) if found[3] is None else self._listed(found[2], found[3], asked)

    def _listed(self, slug: str, place: str, asked: Asked) -> Reply:
        one = re.fullmatch(r"(commits|pull-requests)/(\w+)", place)
        if one is not None:
            found = next((item for item in self.of(one[1], slug) if str(item["id"]) == one[2]), None)
            return _errors("There is no such thing.", 404) if found is None else reply(found)
        items = list(self.of(place, slug))
        if place == "commits":
            ids = [item["id"] for item in items]
            since = asked.params.get("since")
            if since is not None and since not in ids:
                return _errors(f"Commit '{since}' does not exist in repository '{slug}'.", 404)
            # A line of commits, newest first.
            items = items[ids.index(asked.params["until"]) if "until" in asked.params else 0 :]
            items = items[: [item["id"] for item in items].index(since)] if since is not None else items
        if place == "pull-requests":
            items.sort(key=lambda item: item["updatedDate"], reverse=True)
        return self._page(items, asked)

    def _page(self, items: list[dict[str, Any]], asked: Asked) -> Reply:
        size = min(int(asked.params.get("limit", "25")), self.max_per_page)
        start = int(asked.params.get("start", "0"))
        values, is_last = items[start : start + size], len(items) <= start + size
        page = {"size": len(values), "limit": size, "isLastPage": is_last, "values": values, "start": start}
        return reply({**page, "nextPageStart": None if is_last else start + size})


def _errors(message: str, status: int) -> Reply:
    return reply({"errors": [{"context": None, "message": message, "exceptionName": "com.atlassian.X"}]}, status)


def commit(sha: str, *parents: str, at: str = "2024-01-01T07:40:00+00:00") -> dict[str, Any]:
    return {
        "id": sha,
        "displayId": sha[:11],
        "author": ANN,
        "authorTimestamp": ms(at),
        "committer": ANN,
        "committerTimestamp": ms(at),
        "message": "Cart\n",
        "parents": [{"id": parent, "displayId": parent[:11]} for parent in parents],
    }


def tag(name: str, sha: str = HEAD) -> dict[str, Any]:
    return {
        "id": f"refs/tags/{name}",
        "displayId": name,
        "type": "TAG",
        "latestCommit": sha,
        "latestChangeset": sha,
        "hash": "d" * 40,
    }


def pull_request(number: int = 17, state: str = "MERGED", *, hour: int = 9, **told: Any) -> dict[str, Any]:
    ended = ms(f"2024-01-01T{hour:02d}:00:00+00:00")
    return {
        "id": number,
        "version": 3,
        "title": "Cart in two steps",
        "state": state,
        "open": state == "OPEN",
        "closed": state != "OPEN",
        "draft": False,
        "createdDate": ms("2024-01-01T08:00:00+00:00"),
        "updatedDate": ended,
        **({} if state == "OPEN" else {"closedDate": ended}),
        "fromRef": {"id": "refs/heads/cart", "displayId": "cart", "latestCommit": FIRST},
        "toRef": {"id": "refs/heads/main", "displayId": "main", "latestCommit": "c" * 40},
        "author": {"user": ANN, "role": "AUTHOR", "approved": False, "status": "UNAPPROVED"},
        "reviewers": [{"user": BOB, "role": "REVIEWER", "approved": True, "status": "APPROVED"}],
        "properties": {"mergeCommit": {"id": HEAD, "displayId": HEAD[:11]}} if state == "MERGED" else {},
        "links": {"self": [{"href": f"https://git.acme.example/projects/ACME/repos/shop/pull-requests/{number}"}]},
        **told,
    }


def activity(number: int, action: str, by: Any, at: str, **told: Any) -> dict[str, Any]:
    return {"id": number, "createdDate": ms(at), "user": by, "action": action, **told}
