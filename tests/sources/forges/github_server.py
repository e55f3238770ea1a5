"""GitHub's REST API over a history of our own: fields and nesting as GitHub documents them, kept in memory."""

import re
from collections.abc import Callable
from datetime import datetime
from hashlib import sha1
from typing import Any

from msgspec import structs

from resile.testing.loopback_forge import Asked, LoopbackForge, Reply, paged

API = "/api/v3"


def sha_of(name: str) -> str:
    """A commit's id."""
    return sha1(name.encode(), usedforsecurity=False).hexdigest()


def user(login: str) -> dict[str, Any]:
    return {"login": login, "id": sum(login.encode()), "type": "User", "site_admin": False}


class GitHubServer:
    """One owner, `acme`, whose repositories are filled by the methods below; lists are in the order GitHub has."""

    def __init__(self) -> None:
        self.forge = LoopbackForge(self.answer)
        self.token: str | None = None
        self.most_on_a_page = 100
        self.withheld: dict[str, int] = {}
        self.withheld_queries: set[str] = set()
        self.gone: set[str] = set()
        self.owner_is_person = False
        self.repositories: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.timelines: dict[int, list[dict[str, Any]]] = {}
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self.workflows: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.attempts: dict[tuple[int, int], dict[str, Any]] = {}
        self.releases: list[dict[str, Any]] = []
        self.tags: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.commits: list[dict[str, Any]] = []
        self.add_repository("shop")

    def add_repository(self, name: str, **more: Any) -> dict[str, Any]:
        repository = {
            "id": 1_296_269 + len(self.repositories),
            "name": name,
            "full_name": f"acme/{name}",
            "owner": user("acme"),
            "private": False,
            "fork": False,
            "archived": False,
            "disabled": False,
            "default_branch": "main",
            "html_url": f"https://github.com/acme/{name}",
            **more,
        }
        self.repositories.append(repository)
        return repository

    def add_commit(self, name: str, *parents: str, at: str, message: str = "Change") -> str:
        """A commit on the default branch, which it becomes the tip of."""
        who = {"name": "Ann", "email": "ann@example.org", "date": at}
        self.commits.append(
            {
                "sha": sha_of(name),
                "commit": {"author": who, "committer": who, "message": message, "tree": {"sha": sha_of(f"{name}^")}},
                "author": user("ann"),
                "committer": user("ann"),
                "parents": [{"sha": sha_of(parent)} for parent in parents],
                "html_url": f"https://github.com/acme/shop/commit/{sha_of(name)}",
            }
        )
        return sha_of(name)

    def add_pull(self, number: int, *, opened: str, updated: str, merged: str | None = None, **more: Any) -> None:
        self.pulls = [pull for pull in self.pulls if pull["number"] != number]
        self.pulls.append(
            {
                "id": 90_000 + number,
                "number": number,
                "state": "open" if merged is None else "closed",
                "title": f"Change {number}",
                "user": user("ann"),
                "body": None,
                "draft": False,
                "created_at": opened,
                "updated_at": updated,
                "closed_at": merged,
                "merged_at": merged,
                "merge_commit_sha": sha_of(f"merge-{number}"),
                "head": {"ref": f"change-{number}", "sha": sha_of(f"head-{number}"), "repo": self.repositories[0]},
                "base": {"ref": "main", "repo": self.repositories[0]},
                "html_url": f"https://github.com/acme/shop/pull/{number}",
                **more,
            }
        )
        self.timelines.setdefault(number, [])

    def add_deployment(self, number: int, made: str, *states: tuple[str, str], **more: Any) -> None:
        self.deployments.append(
            {
                "id": number,
                "sha": sha_of(f"head-{number}"),
                "ref": "v1.4.2",
                "task": "deploy",
                "payload": {},
                "original_environment": "production",
                "environment": "production",
                "description": "Cart in two steps",
                "creator": user("ann"),
                "created_at": made,
                "updated_at": made,
                "transient_environment": False,
                "production_environment": True,
                **more,
            }
        )
        self.statuses[number] = []
        for state, at in states:
            self.add_status(number, state, at)

    def add_status(self, number: int, state: str, at: str) -> None:
        """The newest stands first."""
        status = {
            "id": 3_000 + 10 * number + len(self.statuses[number]),
            "state": state,
            "creator": user("ann"),
            "description": "",
            "environment": "production",
            "target_url": "",
            "log_url": f"https://ci.example.com/{number}",
            "created_at": at,
            "updated_at": at,
        }
        self.statuses[number].insert(0, status)

    def add_issue(self, number: int, *labels: str, opened: str, updated: str, **more: Any) -> None:
        self.issues = [issue for issue in self.issues if issue["number"] != number]
        self.issues.append(
            {
                "id": 2_112_345_000 + number,
                "number": number,
                "title": f"Trouble {number}",
                "user": user("bob"),
                "labels": [{"id": sum(name.encode()), "name": name} for name in labels],
                "state": "open",
                "state_reason": None,
                "created_at": opened,
                "updated_at": updated,
                "closed_at": None,
                "body": "",
                "html_url": f"https://github.com/acme/shop/issues/{number}",
                **more,
            }
        )

    def answer(self, asked: Asked) -> Reply:
        if self.token is not None and asked.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(status=401, body={"message": "Bad credentials", "status": "401"})
        path = asked.path.removeprefix(API)
        if self.withheld_queries & set(asked.params):
            return Reply(status=404, body={"message": "Not Found"})
        for pattern, status in self.withheld.items():
            if re.search(pattern, path):
                return Reply(status=status, body={"message": "Resource not accessible by personal access token"})
        for pattern, answer in self._routes():
            found = re.fullmatch(pattern, path)
            if found is not None:
                return _marked(asked, answer(asked, *found.groups()))
        return Reply(status=404, body={"message": "Not Found", "status": "404"})

    def _routes(self) -> list[tuple[str, Callable[..., Reply]]]:
        shop = r"/repos/acme/shop"
        return [
            (
                r"/users/acme/repos" if self.owner_is_person else r"/orgs/acme/repos",
                lambda asked: self._page(asked, self.repositories),
            ),
            (r"/repos/acme/([\w-]+)", self._repository),
            (rf"{shop}/git/ref/heads/main", self._tip),
            (rf"{shop}/commits", self._history),
            (rf"{shop}/compare/(\w+)\.\.\.(\w+)", self._compared),
            (rf"{shop}/pulls", lambda asked: self._page(asked, _newest(self.pulls, "updated_at"))),
            (rf"{shop}/issues/(\d+)/timeline", lambda asked, n: self._page(asked, self.timelines[int(n)])),
            (rf"{shop}/deployments", lambda asked: self._page(asked, _newest(self.deployments, "created_at"))),
            (rf"{shop}/deployments/(\d+)", lambda _, n: _one(self.deployments, "id", int(n))),
            (rf"{shop}/deployments/(\d+)/statuses", lambda asked, n: self._page(asked, self.statuses[int(n)])),
            (rf"{shop}/actions/workflows", lambda asked: self._page(asked, self.workflows, "workflows")),
            (
                rf"{shop}/actions/workflows/(\d+)/runs",
                lambda asked, _: self._page(asked, _newest(self.runs, "created_at"), "workflow_runs"),
            ),
            (
                rf"{shop}/actions/runs/(\d+)/attempts/(\d+)",
                lambda _, run, attempt: Reply(body=self.attempts[int(run), int(attempt)]),
            ),
            (rf"{shop}/releases", lambda asked: self._page(asked, _newest(self.releases, "created_at"))),
            (rf"{shop}/tags", lambda asked: self._page(asked, self.tags)),
            (rf"{shop}/issues", self._issues),
            (rf"{shop}/labels", lambda asked: self._page(asked, self.labels)),
        ]

    def _page(self, asked: Asked, items: list[Any], field: str = "") -> Reply:
        size = min(int(asked.params.get("per_page", "30")), self.most_on_a_page)
        few = structs.replace(asked, params={**asked.params, "per_page": str(size)})
        return paged(few, items, self.forge.address, field=field)

    def _repository(self, _: Asked, name: str) -> Reply:
        return _one(self.repositories, "name", name)

    def _tip(self, _: Asked) -> Reply:
        if not self.commits:
            return Reply(status=409, body={"message": "Git Repository is empty."})
        return Reply(body={"ref": "refs/heads/main", "object": {"type": "commit", "sha": self.commits[-1]["sha"]}})

    def _reached(self, tip: str) -> list[dict[str, Any]]:
        known = {commit["sha"]: commit for commit in self.commits}
        seen: set[str] = set()
        waiting = [tip]
        while waiting:
            sha = waiting.pop()
            if sha in known and sha not in seen:
                seen.add(sha)
                waiting += [parent["sha"] for parent in known[sha]["parents"]]
        return [commit for commit in reversed(self.commits) if commit["sha"] in seen]

    def _history(self, asked: Asked) -> Reply:
        if asked.params["sha"] in self.gone:
            return Reply(status=404, body={"message": "Not Found"})
        return self._page(asked, self._reached(asked.params["sha"]))

    def _compared(self, asked: Asked, base: str, head: str) -> Reply:
        if base not in {commit["sha"] for commit in self.commits}:
            return Reply(status=404, body={"message": "Not Found"})
        before = {commit["sha"] for commit in self._reached(base)}
        ahead = [commit for commit in reversed(self._reached(head)) if commit["sha"] not in before]
        return self._page(asked, ahead, "commits")

    def _issues(self, asked: Asked) -> Reply:
        wanted = asked.params.get("labels", "").casefold()
        found = [one for one in self.issues if wanted in {label["name"].casefold() for label in one["labels"]}]
        return self._page(asked, _newest(found, "updated_at"))


def _marked(asked: Asked, reply: Reply) -> Reply:
    """With its mark; empty, where whoever asks has it already."""
    mark = f'W/"{sha_of(repr(reply.body))}"'
    if asked.headers.get("if-none-match") == mark:
        return Reply(status=304, body=b"", headers={"etag": mark})
    return structs.replace(reply, headers={**reply.headers, "etag": mark})


def _newest(items: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (datetime.fromisoformat(item[field]), item["id"]), reverse=True)


def _one(items: list[dict[str, Any]], field: str, value: object) -> Reply:
    found = next((item for item in items if item[field] == value), None)
    return Reply(status=404, body={"message": "Not Found"}) if found is None else Reply(body=found)
