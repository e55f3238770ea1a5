"""GitLab on this machine: its lists, pages, limits and refusals, over what a test puts into it."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlencode

from resile.testing.loopback_forge import Asked, Reply
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges import gitlab_answers
from tests.sources.forges.faulty import FaultyForge, reply

TOKEN = "glpat-of-this-test"  # noqa: S105 - it opens nothing
_PROJECT = re.compile(r"/api/v4/projects/([^/]+)(?:/(.+))?")
_GROUP = re.compile(r"/api/v4/(groups|users)/([^/]+)/projects")


class GitLabServer(FaultyForge):
    """One installation, under a path of its host if need be.

    Attributes:
        lists: by project's number and path of a list, `30/deployments`, what stands in it.
        withheld: parts of paths for which the token has no right.
        per_limit: so many answers, then none for a minute; 0: no limit.
    """

    def __init__(self, clock: SimulatedClock, *, root: str = "") -> None:
        super().__init__(self._replied, clock)
        self._root = root
        self.projects: list[dict[str, Any]] = []
        self.groups: set[str] = set()
        self.users: set[str] = set()
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.withheld: list[str] = []
        self.max_per_page = 100
        self.per_limit = 0
        self._n_answered = 0
        self._resets_at: datetime | None = None
        self.n_turned_away = 0

    def of(self, place: str, project: int = 30) -> list[dict[str, Any]]:
        return self.lists.setdefault(f"{project}/{place}", [])

    def _replied(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return reply({"message": "401 Unauthorized"}, 401)
        limited = self._limited()
        if limited is not None:
            return limited
        if not asked.path.startswith(f"{self._root}/api/"):
            return reply(b"<html>Not here</html>", 404)
        path = asked.path.removeprefix(self._root)
        if any(part in path for part in self.withheld):
            said = {"error": "insufficient_scope", "error_description": "...", "scope": "api read_api"}
            return reply(said, 403, self._limits())
        answer = self._found(path, asked, f"{self.address}{self._root}")
        return reply(answer.body, answer.status, {**answer.headers, **self._limits()})

    def _limited(self) -> Reply | None:
        if self._resets_at is not None and self.clock.now() < self._resets_at:
            self.n_turned_away += 1
            return reply({"message": "429 Too Many Requests"}, 429, {**self._limits(), "Retry-After": "60"})
        if self._resets_at is not None:
            self._n_answered, self._resets_at = 0, None
        self._n_answered += 1
        if self.per_limit and self._n_answered >= self.per_limit:
            self._resets_at = datetime.fromtimestamp(int(self.clock.now().timestamp()) + 60, tz=self.clock.now().tzinfo)
        return None

    def _limits(self) -> dict[str, str]:
        if not self.per_limit:
            return {}
        reset = self._resets_at or self.clock.now()
        return {
            "RateLimit-Limit": str(self.per_limit),
            "RateLimit-Observed": str(self._n_answered),
            "RateLimit-Remaining": str(max(self.per_limit - self._n_answered, 0)),
            "RateLimit-Reset": str(int(reset.timestamp())),
        }

    def _found(self, path: str, asked: Asked, base: str) -> Reply:
        group = _GROUP.fullmatch(path)
        if group is not None:
            known = self.groups if group[1] == "groups" else self.users
            name = unquote(group[2])
            if name not in known:
                return _not_found("Group" if group[1] == "groups" else "User")
            under = [one for one in self.projects if one["path_with_namespace"].startswith(f"{name}/")]
            return self._keyset(sorted(under, key=lambda one: one["id"]), asked, f"{base}{path}")
        found = _PROJECT.fullmatch(path)
        project = None if found is None else self._project(unquote(found[1]))
        if found is None or project is None:
            return _not_found("Project")
        if found[2] is None:
            return reply(project)
        return self._listed(project, found[2], asked, f"{base}{path}")

    def _project(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self.projects if name in {str(one["id"]), one["path_with_namespace"]}), None)

    def _listed(self, project: dict[str, Any], place: str, asked: Asked, address: str) -> Reply:
        number, params = project["id"], asked.params
        whole = re.fullmatch(r"pipelines/(\d+)", place)
        if whole is not None:
            one = next(one for one in self.of("pipelines", number) if str(one["id"]) == whole[1])
            return reply({**one, **gitlab_answers.WHOLE_PIPELINE, **one.get("whole", {})})
        items = list(self.of(place, number))
        if place == "repository/commits":
            return self._commits(items, asked, address)
        if place == "issues":
            wanted = params.get("labels")
            items = [one for one in items if wanted is None or wanted in one["labels"]]
            items = [one for one in items if params.get("issue_type") in {None, one["issue_type"]}]
        if "updated_after" in params:
            assert "+" not in params["updated_after"]
            after = datetime.fromisoformat(params["updated_after"])
            items = [one for one in items if datetime.fromisoformat(one["updated_at"]) >= after]
        if "order_by" in params:
            is_down = params.get("sort", "desc") == "desc"
            items.sort(key=lambda one: one[params["order_by"]], reverse=is_down)
        return self._page(items, asked, address)

    def _commits(self, items: list[dict[str, Any]], asked: Asked, address: str) -> Reply:
        """By a branch, a commit, or `a..b`; a start that is unknown is found nowhere."""
        if not items:
            return reply([])
        start, _, goal = asked.params["ref_name"].rpartition("..")
        known = {one["id"]: one for one in items}
        goal = items[0]["id"] if goal == "main" else goal
        if goal not in known or (start and start not in known):
            return _not_found("Tree")

        def reached(sha: str) -> set[str]:
            found, waiting = set(), [sha]
            while waiting:
                one = waiting.pop()
                if one not in found and one in known:
                    found.add(one)
                    waiting += known[one]["parent_ids"]
            return found

        wanted = reached(goal) - (reached(start) if start else set())
        return self._page([one for one in items if one["id"] in wanted], asked, address)

    def _page(self, items: list[dict[str, Any]], asked: Asked, address: str) -> Reply:
        size = min(int(asked.params.get("per_page", "20")), self.max_per_page)
        page = int(asked.params.get("page", "1"))
        shown = items[(page - 1) * size : page * size]
        following = {**asked.params, "page": str(page + 1)}
        link = f'<{address}?{urlencode(following)}>; rel="next", <{address}?page=1>; rel="first"'
        has_more = len(items) > page * size
        return reply(shown, 200, {"Link": link, "X-Total": str(len(items))} if has_more else {})

    def _keyset(self, items: list[dict[str, Any]], asked: Asked, address: str) -> Reply:
        """Pages that go on behind the last id."""
        size = min(int(asked.params.get("per_page", "20")), self.max_per_page)
        behind = [one for one in items if one["id"] > int(asked.params.get("id_after", "0"))]
        shown = behind[:size]
        if len(behind) <= size:
            return reply(shown)
        following = {**asked.params, "id_after": str(shown[-1]["id"])}
        return reply(shown, 200, {"Link": f'<{address}?{urlencode(following)}>; rel="next"'})


def _not_found(what: str) -> Reply:
    return reply({"message": f"404 {what} Not Found"}, 404)
