"""DevLake's published tables, and where resile's definitions give something else (docs/reference/delivery.md)."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from resile.analytics.delivery_shipments import NONE, Places, shipments
from resile.analytics.query import Window
from tests.analytics.deliveries import change, deployment, deployments_table, links, report
from tests.analytics.facts import incident

pytestmark = pytest.mark.real_data
YEARS = Window(datetime(2022, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "devlake-e2e" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def instant(text: str) -> datetime:
    """DevLake writes `2023-4-10 6:51:47` here and ISO there."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def shipped(row: dict[str, str], **others: Any) -> dict[str, Any]:
    """A deployment commit of DevLake as a deployment."""
    at = instant(row["finished_date"]) if row["result"] == "SUCCESS" else None
    usual = {"service": row["cicd_scope_id"], "repo": row["repo_url"], "environment": row["environment"] or None}
    return deployment(row["id"], at, sha=row["commit_sha"], **(usual | others))


@pytest.mark.parametrize(
    "folder", ["prev_success_deployment_commit", "connect_incident_to_deployment/prev_success_deployment_commit"]
)
def test_each_deployment_takes_the_place_of_devlakes_previous_one(real_data: Path, folder: str) -> None:
    rows = rows_of(real_data, f"{folder}/cicd_deployment_commits_after.csv")
    table = deployments_table(shipped(row) for row in rows)

    found = shipments(table, None)

    hashes = table.select("deployment_id", id_hash=table.deployment_id.hash()).to_pyarrow().to_pydict()
    place = Places(found.ids).of(table.deployment_id.hash().to_pyarrow().to_numpy()).tolist()
    names = {here: name for here, name in zip(place, hashes["deployment_id"], strict=True) if here != NONE}
    previous = {names[here]: names.get(before, "") for here, before in enumerate(found.before.tolist())}
    assert previous == {
        row["id"]: row["prev_success_deployment_commit_id"] for row in rows if row["result"] == "SUCCESS"
    }


def test_incidents_meet_devlakes_deployments_once_the_window_is_as_long(real_data: Path) -> None:
    base = "connect_incident_to_deployment"
    commits = rows_of(real_data, f"{base}/prev_success_deployment_commit/cicd_deployment_commits_after.csv")
    mapping = rows_of(real_data, f"{base}/raw_tables/project_mapping.csv")
    mine = {(row["table"], row["row_id"]) for row in mapping if row["project_name"] == "project1"}
    # DevLake joins by project, whatever the service.
    deployments = [shipped(row, service="project1") for row in commits if ("cicd_scopes", row["cicd_scope_id"]) in mine]
    incidents = [
        incident(row["id"], instant(row["created_date"]), 60, service="project1")
        for row in rows_of(real_data, f"{base}/raw_tables/incidents.csv")
        if (row["table"], row["scope_id"]) in mine
    ]
    expected = rows_of(real_data, f"{base}/snapshot_tables/project_incident_deployment_relationships.csv")
    older = rows_of(real_data, "snapshot_tables/project_incident_deployment_relationships.csv")
    pipelines = {row["id"]: row["cicd_deployment_id"] for row in commits}

    in_any_time = links(deployments, incidents, window=YEARS, attribution_window=timedelta(days=365))
    in_a_day = links(deployments, incidents, window=YEARS)

    met = {(link.incident_id, pipelines[link.deployment_id]) for link in in_any_time}
    assert met == {(row["id"], row["deployment_id"]) for row in expected}
    assert {(row["id"], row["deployment_id"]) for row in older} < met
    # Weeks lie between the others and the deployment before them.
    assert [(link.incident_id, pipelines[link.deployment_id]) for link in in_a_day] == [
        ("github:GithubIssue:1:1373792478", "pipeline2")
    ]


def test_lead_times_meet_devlakes_where_instants_are_in_order(real_data: Path) -> None:
    found = lead_minutes(real_data)
    expected = {row["id"]: row for row in rows_of(real_data, "change_lead_time/project_pr_metrics.csv")}

    assert {name for name, row in expected.items() if row["pr_deployed_date"]} == set(found)
    pr1 = expected["pr1"]
    assert found["pr1"] == {
        "commit_to_opened": int(pr1["pr_coding_time"]),
        "opened_to_review": int(pr1["pr_pickup_time"]),
        "review_to_merge": int(pr1["pr_review_time"]),
        "merge_to_deployment": int(pr1["pr_deploy_time"]),
    }
    assert sum(found["pr1"].values()) == int(pr1["pr_cycle_time"])


def test_lead_times_differ_from_devlakes_where_instants_are_out_of_order(real_data: Path) -> None:
    found = lead_minutes(real_data)
    expected = {row["id"]: row for row in rows_of(real_data, "change_lead_time/project_pr_metrics.csv")}

    # Committed after the merge: it waits from its own commit, not from the opening (1 598).
    assert found["pr2"] == {"commit_to_deployment": 158}
    assert expected["pr2"]["pr_cycle_time"] == "1598"
    # First comment before the opening, merge after the deployment: neither ends a stage, and time ends at deployment.
    assert found["pr3"] == {"commit_to_opened": int(expected["pr3"]["pr_coding_time"]), "opened_to_deployment": 2_917}
    assert expected["pr3"]["pr_cycle_time"] == "10203"


def lead_minutes(folder: Path) -> dict[str, dict[str, int]]:
    """Stages of each deployed pull request of project1 by its earliest commit, rounded up as DevLake does."""
    pulls = rows_of(folder, "change_lead_time/pull_requests.csv")
    comments = rows_of(folder, "change_lead_time/pull_request_comments.csv")
    commits = rows_of(folder, "change_lead_time/pull_request_commits.csv")
    # What a deployment without a previous one newly contains is not known: DevLake's diffs have no old commit then.
    brought = {
        row["commit_sha"]: row["new_commit_sha"]
        for row in rows_of(folder, "change_lead_time/commits_diffs.csv")
        if row["old_commit_sha"]
    }
    deployments = rows_of(folder, "change_lead_time/cicd_deployment_commits.csv")
    ids = {row["commit_sha"]: row["id"] for row in deployments}
    found = {}
    for pull in pulls:
        mine = [row for row in commits if row["pull_request_id"] == pull["id"]]
        if pull["merge_commit_sha"] not in brought or not mine:
            continue
        reviews = [
            instant(row["created_date"])
            for row in comments
            if row["pull_request_id"] == pull["id"] and row["account_id"] != pull["author_id"]
        ]
        row = change(
            ids[brought[pull["merge_commit_sha"]]],
            min(instant(commit["commit_authored_date"]) for commit in mine),
            opened_at=instant(pull["created_date"]),
            first_review_at=min(reviews, default=None),
            merged_at=instant(pull["merged_date"]) if pull["merged_date"] else None,
        )
        stages = [
            service.lead_time.stages
            for service in report([shipped(one) for one in deployments], [], [row], window=YEARS).services
            if service.lead_time.n
        ]
        for of in stages:
            found[pull["id"]] = {name: int(-(-(stage.median_s or 0) // 60)) for name, stage in of.items()}
    return found
