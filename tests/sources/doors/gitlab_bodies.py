"""Bodies as GitLab makes them: every field that the door may look at, and some of those that it does not."""

from typing import Any

from tests.sources.doors.bodies import PARENT, SHA

PROJECT = {
    "id": 30,
    "name": "Shop of Acme",
    "description": "",
    "web_url": "https://git.acme.example/acme/shop",
    "git_ssh_url": "git@git.acme.example:acme/shop.git",
    "git_http_url": "https://git.acme.example/acme/shop.git",
    "namespace": "Acme",
    "visibility_level": 0,
    "path_with_namespace": "acme/shop",
    "default_branch": "main",
}
GITLAB_USER = {"id": 51, "name": "Ann Ohm", "username": "ann", "email": "[REDACTED]"}


def gitlab_deployment(status: str = "success", at: str = "2024-01-01 10:00:00 +0000", **told: Any) -> dict[str, Any]:
    return {
        "object_kind": "deployment",
        "status": status,
        "status_changed_at": at,
        "deployment_id": 15,
        "deployable_id": 796,
        "deployable_url": "https://git.acme.example/acme/shop/-/jobs/796",
        "environment": "production",
        "environment_tier": "production",
        "environment_slug": "production",
        "environment_external_url": "https://shop.example.com",
        "project": PROJECT,
        "short_sha": SHA[:8],
        "user": GITLAB_USER,
        "user_url": "https://git.acme.example/ann",
        "commit_url": f"https://git.acme.example/acme/shop/-/commit/{SHA}",
        "commit_title": "Cart in two steps",
        **told,
    }


def gitlab_pipeline(status: str = "success", **pipeline: Any) -> dict[str, Any]:
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": 31,
            "iid": 3,
            "name": "Deploy to production",
            "ref": "main",
            "tag": False,
            "sha": SHA,
            "before_sha": PARENT,
            "source": "push",
            "status": status,
            "stages": ["build", "deploy"],
            "created_at": "2024-01-01 09:50:00 UTC",
            "finished_at": "2024-01-01 10:00:00 UTC",
            "duration": 600,
            "variables": [],
            "url": "https://git.acme.example/acme/shop/-/pipelines/31",
            **pipeline,
        },
        "user": GITLAB_USER,
        "project": PROJECT,
        "commit": {"id": SHA, "message": "Cart in two steps\n", "timestamp": "2024-01-01T10:40:00+01:00"},
        "builds": [],
    }


def gitlab_release(**release: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "created_at": "2024-01-01 09:59:00 UTC",
        "description": "",
        "name": "1.4.2",
        "released_at": "2024-01-01 10:00:00 UTC",
        "tag": "v1.4.2",
        "object_kind": "release",
        "project": PROJECT,
        "url": "https://git.acme.example/acme/shop/-/releases/v1.4.2",
        "action": "create",
        "assets": {"count": 0, "links": [], "sources": []},
        "commit": {"id": SHA, "message": "Cart", "title": "Cart", "timestamp": "2024-01-01T10:40:00+01:00"},
        **release,
    }


def gitlab_push(*messages: str, **push: Any) -> dict[str, Any]:
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": PARENT,
        "after": SHA,
        "ref": "refs/heads/main",
        "ref_protected": True,
        "checkout_sha": SHA,
        "user_id": 51,
        "user_username": "ann",
        "project_id": 30,
        "project": PROJECT,
        "commits": [
            {
                "id": f"{number:040x}",
                "message": message,
                "title": message,
                "timestamp": f"2024-03-04T1{number}:00:00+02:00",
                "author": {"name": "Ann Ohm", "email": "[REDACTED]"},
                "added": [],
                "modified": [],
                "removed": [],
            }
            for number, message in enumerate(messages)
        ],
        "total_commits_count": len(messages),
        **push,
    }


MERGE_REQUEST = {
    "id": 99,
    "iid": 17,
    "target_branch": "main",
    "source_branch": "cart",
    "author_id": 51,
    "title": "Cart in two steps",
    "created_at": "2024-01-01 08:00:00 UTC",
    "updated_at": "2024-01-01 08:00:00 UTC",
    "state": "opened",
    "draft": False,
    "work_in_progress": False,
    "merge_commit_sha": None,
    "description": "",
    "url": "https://git.acme.example/acme/shop/-/merge_requests/17",
    "last_commit": {"id": SHA, "message": "Cart", "timestamp": "2024-01-01T07:40:00+00:00"},
}


def gitlab_merge_request(action: str, changes: Any = None, user: Any = None, **request: Any) -> dict[str, Any]:
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": user or GITLAB_USER,
        "project": PROJECT,
        "object_attributes": {**MERGE_REQUEST, "action": action, **request},
        "labels": [],
        "changes": changes or {},
    }


def gitlab_note(user: Any, **comment: Any) -> dict[str, Any]:
    return {
        "object_kind": "note",
        "event_type": "note",
        "user": user,
        "project": PROJECT,
        "object_attributes": {
            "id": 1244,
            "note": "Why two?",
            "noteable_type": "MergeRequest",
            "author_id": user["id"],
            "created_at": "2024-01-01 09:00:00 UTC",
            "updated_at": "2024-01-01 09:00:00 UTC",
            "system": False,
            "action": "create",
            **comment,
        },
        "merge_request": MERGE_REQUEST,
    }


def gitlab_issue(*labels: str, action: str = "open", changes: Any = None, **issue: Any) -> dict[str, Any]:
    listed = [{"id": 206 + number, "title": label, "type": "ProjectLabel"} for number, label in enumerate(labels)]
    return {
        "object_kind": "issue",
        "event_type": "issue",
        "user": GITLAB_USER,
        "project": PROJECT,
        "object_attributes": {
            "id": 301,
            "iid": 23,
            "title": "Checkout answers 500",
            "author_id": 51,
            "project_id": 30,
            "created_at": "2024-01-01 08:00:00 UTC",
            "updated_at": "2024-01-01 08:00:00 UTC",
            "closed_at": None,
            "description": "",
            "confidential": False,
            "moved_to_id": None,
            "duplicated_to_id": None,
            "type": "Issue",
            "url": "https://git.acme.example/acme/shop/-/issues/23",
            "state": "opened",
            "action": action,
            "severity": "unknown",
            "labels": listed,
            **issue,
        },
        "labels": listed,
        "changes": changes or {},
    }
