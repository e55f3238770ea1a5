"""Answers in the shape that Bitbucket Cloud's REST API documents; what they say is made up."""

from typing import Any

HEAD = "a3f0" * 10
FIRST = "b17e" * 10
ANN = {"type": "user", "display_name": "Ann Ohm", "nickname": "ann", "uuid": "{ann}", "account_id": "1:ann"}
BOB = {"type": "user", "display_name": "Bob Mho", "nickname": "bob", "uuid": "{bob}", "account_id": "1:bob"}
PRODUCTION = "{env-prod}"


def repository(path: str = "acme/shop", uuid: str = "{repo-30}", **told: Any) -> dict[str, Any]:
    slug = path.rpartition("/")[2]
    return {
        "type": "repository",
        "uuid": uuid,
        "full_name": path,
        "name": slug,
        "slug": slug,
        "scm": "git",
        "is_private": True,
        "has_issues": True,
        "created_on": "2023-01-01T08:00:00.000000+00:00",
        "updated_on": "2024-01-01T08:00:00.000000+00:00",
        "mainbranch": {"type": "branch", "name": "main"},
        "workspace": {"type": "workspace", "slug": path.partition("/")[0], "uuid": "{ws}"},
        "links": {"html": {"href": f"https://bitbucket.org/{path}"}},
        **told,
    }


def commit(sha: str, *parents: str, at: str = "2024-01-01T07:40:00+00:00", message: str = "Cart\n") -> dict[str, Any]:
    return {
        "type": "commit",
        "hash": sha,
        "date": at,
        "author": {"type": "author", "raw": "Ann Ohm <ann@acme.example>", "user": ANN},
        "message": message,
        "summary": {"type": "rendered", "raw": message, "markup": "markdown", "html": ""},
        "links": {"html": {"href": f"https://bitbucket.org/acme/shop/commits/{sha}"}},
        "parents": [{"type": "commit", "hash": parent, "links": {}} for parent in parents],
    }


def environment(uuid: str = PRODUCTION, name: str = "Production") -> dict[str, Any]:
    return {
        "type": "deployment_environment",
        "uuid": uuid,
        "name": name,
        "environment_type": {"type": "deployment_environment_type", "name": "Production", "rank": 2},
        "rank": 2,
        "slug": name.lower(),
    }


def deployment(
    number: int = 15, status: str = "SUCCESSFUL", *, hour: int = 10, sha: str = HEAD, **state: Any
) -> dict[str, Any]:
    ended = {
        "type": "deployment_state_completed",
        "name": "COMPLETED",
        "url": f"https://bitbucket.org/acme/shop/pipelines/results/{number}",
        "status": {"type": f"deployment_state_completed_status_{status.lower()}", "name": status},
        "deployer": ANN,
        "start_date": f"2024-01-01T{hour:02d}:01:00.000Z",
        "completion_date": f"2024-01-01T{hour:02d}:05:00.000Z",
    }
    return {
        "type": "deployment",
        "uuid": f"{{dep-{number}}}",
        "key": "{repo-30}_deploy",
        "environment": {"type": "deployment_environment", "uuid": PRODUCTION},
        "release": {
            "type": "deployment_release",
            "uuid": f"{{rel-{number}}}",
            "name": f"#{number}",
            "url": f"https://bitbucket.org/acme/shop/pipelines/results/{number}",
            "commit": {"type": "commit", "hash": sha},
            "created_on": f"2024-01-01T{hour:02d}:00:30.000Z",
        },
        "state": {**ended, **state} if state.get("name", "COMPLETED") == "COMPLETED" else state,
        "last_update_time": f"2024-01-01T{hour:02d}:05:01.000Z",
        "version": 2,
    }


def in_progress(number: int = 15, *, hour: int = 10) -> dict[str, Any]:
    began = f"2024-01-01T{hour:02d}:01:00.000Z"
    return deployment(
        number, hour=hour, type="deployment_state_in_progress", name="IN_PROGRESS", deployer=ANN, start_date=began
    )


def pipeline(number: int = 31, result: str = "SUCCESSFUL", *, hour: int = 9, **target: Any) -> dict[str, Any]:
    return {
        "type": "pipeline",
        "uuid": f"{{pipe-{number}}}",
        "build_number": number,
        "creator": ANN,
        "target": {
            "type": "pipeline_ref_target",
            "ref_type": "branch",
            "ref_name": "main",
            "selector": {"type": "custom", "pattern": "deploy-to-production"},
            "commit": {"type": "commit", "hash": HEAD},
            **target,
        },
        "trigger": {"type": "pipeline_trigger_manual", "name": "MANUAL"},
        "state": {
            "type": "pipeline_state_completed",
            "name": "COMPLETED",
            "result": {"type": f"pipeline_state_completed_{result.lower()}", "name": result},
        },
        "created_on": f"2024-01-01T{hour:02d}:50:00.200Z",
        "completed_on": f"2024-01-01T{hour:02d}:59:00.175Z",
        "build_seconds_used": 540,
    }


def tag(name: str = "v1.4.2", sha: str = HEAD, date: str | None = "2024-01-01T12:00:00+00:00") -> dict[str, Any]:
    return {
        "type": "tag",
        "name": name,
        "message": "Release\n" if date else None,
        "date": date,
        "tagger": {"type": "author", "raw": "Ann Ohm <ann@acme.example>", "user": ANN} if date else None,
        "target": commit(sha),
        "links": {"html": {"href": f"https://bitbucket.org/acme/shop/commits/tag/{name}"}},
    }


def pull_request(number: int = 17, state: str = "MERGED", *, hour: int = 9, **told: Any) -> dict[str, Any]:
    return {
        "type": "pullrequest",
        "id": number,
        "title": "Cart in two steps",
        "description": "",
        "summary": {"type": "rendered", "raw": "", "markup": "markdown", "html": ""},
        "state": state,
        "draft": False,
        "author": ANN,
        "source": {
            "branch": {"name": "cart"},
            "commit": {"type": "commit", "hash": FIRST[:12]},
            "repository": {"type": "repository", "full_name": "acme/shop"},
        },
        "destination": {
            "branch": {"name": "main"},
            "commit": {"type": "commit", "hash": "c" * 12},
            "repository": {"type": "repository", "full_name": "acme/shop"},
        },
        "merge_commit": {"type": "commit", "hash": HEAD[:12]} if state == "MERGED" else None,
        "closed_by": BOB if state != "OPEN" else None,
        "reason": "",
        "close_source_branch": True,
        "comment_count": 1,
        "task_count": 0,
        "created_on": "2024-01-01T08:00:00.000000+00:00",
        "updated_on": f"2024-01-01T{hour:02d}:00:01.700000+00:00",
        "links": {"html": {"href": f"https://bitbucket.org/acme/shop/pull-requests/{number}"}},
        **told,
    }


def update(state: str, at: str, **told: Any) -> dict[str, Any]:
    return {
        "update": {
            "state": state,
            "draft": False,
            "title": "Cart in two steps",
            "description": "",
            "reviewers": [],
            "reason": "",
            "changes": {},
            "author": ANN,
            "date": at,
            "source": {"branch": {"name": "cart"}, "commit": {"type": "commit", "hash": FIRST[:12]}},
            "destination": {"branch": {"name": "main"}, "commit": {"type": "commit", "hash": "c" * 12}},
            **told,
        },
        "pull_request": {"type": "pullrequest", "id": 17, "title": "Cart in two steps"},
    }


def said(kind: str, user: Any, at: str) -> dict[str, Any]:
    """An approval, or a request for changes."""
    return {
        kind: {"date": at, "user": user, "pullrequest": {"type": "pullrequest", "id": 17}},
        "pull_request": {"type": "pullrequest", "id": 17, "title": "Cart in two steps"},
    }


def comment(number: int, user: Any, at: str, *, is_deleted: bool = False) -> dict[str, Any]:
    return {
        "comment": {
            "type": "pullrequest_comment",
            "id": number,
            "created_on": at,
            "updated_on": at,
            "content": {"type": "rendered", "raw": "Why two?", "markup": "markdown", "html": ""},
            "user": user,
            "deleted": is_deleted,
            "pullrequest": {"type": "pullrequest", "id": 17},
        },
        "pull_request": {"type": "pullrequest", "id": 17, "title": "Cart in two steps"},
    }


def issue(number: int = 23, component: str | None = "incident", *, hour: int = 8, **told: Any) -> dict[str, Any]:
    return {
        "type": "issue",
        "id": number,
        "title": "Checkout answers 500",
        "state": "new",
        "kind": "bug",
        "priority": "critical",
        "component": {"type": "component", "name": component} if component else None,
        "milestone": None,
        "version": None,
        "reporter": ANN,
        "assignee": BOB,
        "content": {"type": "rendered", "raw": "", "markup": "markdown", "html": ""},
        "created_on": "2024-01-01T08:00:00.000000+00:00",
        "updated_on": f"2024-01-01T{hour:02d}:30:00.900000+00:00",
        "edited_on": None,
        "links": {"html": {"href": f"https://bitbucket.org/acme/shop/issues/{number}"}},
        **told,
    }


def change(number: int, before: str, after: str, at: str) -> dict[str, Any]:
    return {
        "type": "issue_change",
        "id": number,
        "user": BOB,
        "created_on": at,
        "changes": {"state": {"old": before, "new": after}},
        "message": {"type": "rendered", "raw": "", "markup": "markdown", "html": ""},
        "issue": {"type": "issue", "id": 23},
    }
