"""Answers in the shape that GitLab's REST API documents; what they say is made up."""

from typing import Any

HEAD = "a3f0" * 10
FIRST = "b17e" * 10
ANN = {
    "id": 51,
    "username": "ann",
    "name": "Ann Ohm",
    "state": "active",
    "avatar_url": None,
    "web_url": "https://x/ann",
}
BOB = {
    "id": 52,
    "username": "bob",
    "name": "Bob Mho",
    "state": "active",
    "avatar_url": None,
    "web_url": "https://x/bob",
}


def project(site: str, number: int = 30, path: str = "acme/platform/shop", **told: Any) -> dict[str, Any]:
    return {
        "id": number,
        "description": None,
        "name": "Shop of Acme",
        "name_with_namespace": "Acme / Platform / Shop of Acme",
        "path": path.rpartition("/")[2],
        "path_with_namespace": path,
        "created_at": "2023-01-01T08:00:00.000Z",
        "default_branch": "main",
        "web_url": f"{site}/{path}",
        "archived": False,
        "namespace": {"id": 7, "kind": "group", "full_path": path.rpartition("/")[0]},
        **told,
    }


def commit(sha: str, *parents: str, at: str = "2024-01-01T07:40:00.000+00:00", message: str = "Cart") -> dict[str, Any]:
    return {
        "id": sha,
        "short_id": sha[:8],
        "created_at": at,
        "parent_ids": list(parents),
        "title": message.partition("\n")[0],
        "message": message,
        "author_name": "Ann Ohm",
        "author_email": "ann@acme.example",
        "authored_date": at,
        "committer_name": "Ann Ohm",
        "committer_email": "ann@acme.example",
        "committed_date": at,
        "trailers": {},
        "web_url": f"https://git.acme.example/acme/platform/shop/-/commit/{sha}",
    }


def deployment(number: int = 15, status: str = "success", *, hour: int = 10, **told: Any) -> dict[str, Any]:
    return {
        "id": number,
        "iid": number - 10,
        "ref": "main",
        "sha": HEAD,
        "created_at": f"2024-01-01T{hour:02d}:00:00.222Z",
        "updated_at": f"2024-01-01T{hour:02d}:06:00.414Z",
        "status": status,
        "user": ANN,
        "environment": {"id": 9, "name": "production", "slug": "production", "external_url": None},
        "deployable": {
            "id": 796,
            "status": status,
            "stage": "deploy",
            "name": "deploy",
            "ref": "main",
            "tag": False,
            "coverage": None,
            "created_at": f"2024-01-01T{hour:02d}:00:00.100Z",
            "started_at": f"2024-01-01T{hour:02d}:01:00.000Z",
            "finished_at": f"2024-01-01T{hour:02d}:05:00.000Z",
            "duration": 240.0,
            "user": ANN,
            "commit": commit(HEAD, message="Cart in two steps\n"),
            "pipeline": {"id": 31, "iid": 3, "ref": "main", "sha": HEAD, "status": "success"},
            "web_url": "https://git.acme.example/acme/platform/shop/-/jobs/796",
        },
        **told,
    }


def pipeline(number: int = 31, status: str = "success", **told: Any) -> dict[str, Any]:
    return {
        "id": number,
        "iid": 3,
        "project_id": 30,
        "name": "Deploy to production",
        "sha": HEAD,
        "ref": "main",
        "status": status,
        "source": "push",
        "created_at": "2024-01-01T09:50:00.200Z",
        "updated_at": "2024-01-01T10:00:01.185Z",
        "web_url": f"https://git.acme.example/acme/platform/shop/-/pipelines/{number}",
        **told,
    }


# What GET /projects/:id/pipelines/:pipeline_id tells besides.
WHOLE_PIPELINE = {
    "before_sha": FIRST,
    "tag": False,
    "yaml_errors": None,
    "user": ANN,
    "started_at": "2024-01-01T09:51:00.197Z",
    "finished_at": "2024-01-01T10:00:00.175Z",
    "committed_at": None,
    "duration": 540,
    "queued_duration": 6,
    "coverage": None,
}


def release(tag: str = "v1.4.2", *, hour: int = 12, **told: Any) -> dict[str, Any]:
    return {
        "tag_name": tag,
        "description": "",
        "name": tag.removeprefix("v"),
        "created_at": f"2024-01-01T{hour:02d}:00:00.891Z",
        "released_at": f"2024-01-01T{hour:02d}:00:00.891Z",
        "upcoming_release": False,
        "author": ANN,
        "commit": commit(HEAD),
        "commit_path": f"/acme/platform/shop/-/commit/{HEAD}",
        "tag_path": f"/acme/platform/shop/-/tags/{tag}",
        "assets": {"count": 0, "sources": [], "links": []},
        "evidences": [],
        "_links": {"self": f"https://git.acme.example/acme/platform/shop/-/releases/{tag}"},
        **told,
    }


def merge_request(number: int = 17, state: str = "merged", *, hour: int = 9, **told: Any) -> dict[str, Any]:
    is_merged = state == "merged"
    return {
        "id": 900 + number,
        "iid": number,
        "project_id": 30,
        "title": "Cart in two steps",
        "description": "",
        "state": state,
        "created_at": "2024-01-01T08:00:00.000Z",
        "updated_at": f"2024-01-01T{hour:02d}:00:00.700Z",
        "merged_by": BOB if is_merged else None,
        "merged_at": f"2024-01-01T{hour:02d}:00:00.500Z" if is_merged else None,
        "closed_by": None,
        "closed_at": None,
        "target_branch": "main",
        "source_branch": "cart",
        "author": ANN,
        "assignees": [],
        "reviewers": [BOB],
        "source_project_id": 30,
        "target_project_id": 30,
        "labels": [],
        "draft": False,
        "work_in_progress": False,
        "sha": FIRST,
        "merge_commit_sha": HEAD if is_merged else None,
        "squash_commit_sha": None,
        "user_notes_count": 1,
        "web_url": f"https://git.acme.example/acme/platform/shop/-/merge_requests/{number}",
        "references": {"short": f"!{number}", "relative": f"!{number}", "full": f"acme/platform/shop!{number}"},
        "squash": False,
        **told,
    }


def note(number: int, author: Any, body: str, at: str, *, is_system: bool = False) -> dict[str, Any]:
    return {
        "id": number,
        "type": None,
        "body": body,
        "author": author,
        "created_at": at,
        "updated_at": at,
        "system": is_system,
        "noteable_id": 917,
        "noteable_type": "MergeRequest",
        "project_id": 30,
        "noteable_iid": 17,
        "resolvable": False,
        "confidential": False,
        "internal": False,
        "imported": False,
        "imported_from": "none",
    }


def issue(number: int = 23, *labels: str, hour: int = 8, **told: Any) -> dict[str, Any]:
    return {
        "id": 300 + number,
        "iid": number,
        "project_id": 30,
        "title": "Checkout answers 500",
        "description": "",
        "state": "opened",
        "created_at": "2024-01-01T08:00:00.100Z",
        "updated_at": f"2024-01-01T{hour:02d}:30:00.900Z",
        "closed_at": None,
        "closed_by": None,
        "labels": list(labels),
        "milestone": None,
        "assignees": [BOB],
        "author": ANN,
        "type": "ISSUE",
        "issue_type": "issue",
        "severity": "UNKNOWN",
        "confidential": False,
        "moved_to_id": None,
        "web_url": f"https://git.acme.example/acme/platform/shop/-/issues/{number}",
        "references": {"short": f"#{number}", "relative": f"#{number}", "full": f"acme/platform/shop#{number}"},
        **told,
    }


def state_event(number: int, state: str, at: str) -> dict[str, Any]:
    return {
        "id": number,
        "user": BOB,
        "created_at": at,
        "resource_type": "Issue",
        "resource_id": 323,
        "source_commit": None,
        "source_merge_request_id": None,
        "state": state,
    }
