"""Bodies as GitHub makes them: every field that the door may look at, and some of those that it does not."""

from typing import Any

from tests.sources.doors.bodies import PARENT, SHA

USER = {"login": "ann", "id": 501, "type": "User", "site_admin": False, "html_url": "https://github.com/ann"}
REPOSITORY = {
    "id": 7001,
    "name": "shop",
    "full_name": "acme/shop",
    "private": True,
    "owner": {**USER, "login": "acme", "type": "Organization"},
    "html_url": "https://github.com/acme/shop",
    "clone_url": "https://github.com/acme/shop.git",
    "default_branch": "main",
    "pushed_at": "2024-03-04T09:00:00Z",
}
GITHUB_DEPLOYMENT = {
    "url": "https://api.github.com/repos/acme/shop/deployments/81",
    "id": 81,
    "sha": SHA,
    "ref": "v1.4.2",
    "task": "deploy",
    "payload": {},
    "original_environment": "prod",
    "environment": "prod",
    "description": "Cart in two steps",
    "creator": USER,
    "created_at": "2024-03-04T10:00:00Z",
    "updated_at": "2024-03-04T10:05:00Z",
    "transient_environment": False,
    "production_environment": True,
}
PULL_REQUEST = {
    "url": "https://api.github.com/repos/acme/shop/pulls/17",
    "html_url": "https://github.com/acme/shop/pull/17",
    "id": 9017,
    "number": 17,
    "state": "open",
    "locked": False,
    "title": "Cart in two steps",
    "user": USER,
    "body": "Less to fill in.",
    "created_at": "2024-03-01T09:00:00Z",
    "updated_at": "2024-03-01T09:00:00Z",
    "closed_at": None,
    "merged_at": None,
    "merge_commit_sha": "c0de" * 10,
    "draft": False,
    "head": {"label": "acme:cart", "ref": "cart", "sha": SHA, "user": USER, "repo": REPOSITORY},
    "base": {"label": "acme:main", "ref": "main", "sha": PARENT, "user": USER, "repo": REPOSITORY},
}


def github_deployment(**deployment: Any) -> dict[str, Any]:
    return {
        "action": "created",
        "deployment": {**GITHUB_DEPLOYMENT, **deployment},
        "workflow": None,
        "workflow_run": None,
        "repository": REPOSITORY,
        "sender": USER,
    }


def github_status(state: str, at: str, number: int = 301, **deployment: Any) -> dict[str, Any]:
    return {
        **github_deployment(**deployment),
        "deployment_status": {
            "url": f"https://api.github.com/repos/acme/shop/deployments/81/statuses/{number}",
            "id": number,
            "state": state,
            "creator": USER,
            "description": "",
            "environment": "prod",
            "target_url": "https://ci.example.com/runs/5",
            "log_url": "https://ci.example.com/runs/5",
            "environment_url": "https://shop.example.com",
            "created_at": at,
            "updated_at": at,
        },
        "check_run": None,
    }


def github_run(action: str, **run: Any) -> dict[str, Any]:
    return {
        "action": action,
        "workflow_run": {
            "id": 6001,
            "name": "Deploy",
            "path": ".github/workflows/deploy.yml",
            "head_branch": "main",
            "head_sha": SHA,
            "display_title": "Cart in two steps",
            "run_number": 12,
            "run_attempt": 1,
            "event": "push",
            "status": "completed" if action == "completed" else "in_progress",
            "conclusion": "success" if action == "completed" else None,
            "workflow_id": 44,
            "html_url": "https://github.com/acme/shop/actions/runs/6001",
            "created_at": "2024-03-04T10:00:00Z",
            "run_started_at": "2024-03-04T10:01:00Z",
            "updated_at": "2024-03-04T10:06:00Z",
            **run,
        },
        "workflow": {"id": 44, "name": "Deploy", "path": ".github/workflows/deploy.yml", "state": "active"},
        "repository": REPOSITORY,
        "sender": USER,
    }


def github_release(action: str = "published", **release: Any) -> dict[str, Any]:
    return {
        "action": action,
        "release": {
            "id": 55,
            "html_url": "https://github.com/acme/shop/releases/tag/v1.4.2",
            "tag_name": "v1.4.2",
            "target_commitish": "main",
            "name": "1.4.2: cart in two steps",
            "draft": False,
            "prerelease": False,
            "author": USER,
            "created_at": "2024-03-04T10:00:00Z",
            "published_at": "2024-03-04T10:10:00Z",
            "assets": [],
            "body": "",
            **release,
        },
        "repository": REPOSITORY,
        "sender": USER,
    }


def github_push(*messages: str, **push: Any) -> dict[str, Any]:
    person = {"name": "Ann Ohm", "email": "ann@example.com", "username": "ann"}
    return {
        "ref": "refs/heads/main",
        "before": PARENT,
        "after": SHA,
        "created": False,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": "https://github.com/acme/shop/compare/b17eb17eb17e...a3f0a3f0a3f0",
        "commits": [
            {
                "id": f"{number:040x}",
                "tree_id": PARENT,
                "distinct": True,
                "message": message,
                "timestamp": f"2024-03-04T1{number}:00:00+02:00",
                "url": f"https://github.com/acme/shop/commit/{number:040x}",
                "author": person,
                "committer": person,
                "added": [],
                "removed": [],
                "modified": ["cart.py"],
            }
            for number, message in enumerate(messages)
        ],
        "head_commit": None,
        # In pushes alone, these are numbers.
        "repository": {**REPOSITORY, "created_at": 1_700_000_000, "pushed_at": 1_709_550_000},
        "pusher": {"name": "ann", "email": "ann@example.com"},
        "sender": USER,
        **push,
    }


def github_pull_request(action: str, **request: Any) -> dict[str, Any]:
    return {
        "action": action,
        "number": 17,
        "pull_request": {**PULL_REQUEST, **request},
        "repository": REPOSITORY,
        "sender": USER,
    }


def github_review(state: str, *, action: str = "submitted", login: str = "bob", **request: Any) -> dict[str, Any]:
    return {
        **github_pull_request(action, **request),
        "review": {
            "id": 8001,
            "user": {**USER, "login": login, "id": 502},
            "body": "Fine.",
            "commit_id": SHA,
            "submitted_at": "2024-03-01T12:00:00Z",
            "state": state,
            "html_url": "https://github.com/acme/shop/pull/17#pullrequestreview-8001",
        },
    }


def github_issue(action: str, **issue: Any) -> dict[str, Any]:
    told = {
        "id": 2_112_345_678,
        "number": 23,
        "title": "Checkout answers 500",
        "user": USER,
        "labels": [{"id": 1, "name": name} for name in ("Incident", "severity:1", "service:checkout")],
        "state": "open",
        "state_reason": None,
        "created_at": "2024-03-04T11:00:00Z",
        "updated_at": "2024-03-04T12:00:00Z",
        "closed_at": None,
        "body": "Since the last release.",
        "html_url": "https://github.com/acme/shop/issues/23",
    }
    return {"action": action, "issue": told | issue, "repository": REPOSITORY, "sender": USER}
