"""One deployment: what it brought, which incidents it caused and why we think so, and who said what of it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from msgspec import Struct
from pydantic import BaseModel

from resile.analytics.dora_words import EVIDENCE_WORDS, confidence_words, place_name
from resile.analytics.words import counted
from resile.app.deployments import MAX_REASON, DeploymentView, say_link, show_deployment
from resile.app.wiring import Resile
from resile.model.change import Commit, Deployment, DeploymentReported, LinkReported, PullRequest
from resile.model.errors import ConfigError
from resile.web.pages.carrying_out import author_of
from resile.web.pages.incident import may_write, web_address
from resile.web.pages.rendering import path_part, render
from resile.web.pages.timeline import who
from resile.web.security import check_form

router = APIRouter(include_in_schema=False)

# Of a release with more commits the page shows the newest.
MOST_SHOWN = 100


class Change(Struct, frozen=True, kw_only=True):
    """A pull request with its commits, or commits of which none is known; the newest first."""

    pull_request: PullRequest | None
    url: str | None
    commits: list[Commit]


class Told(Struct, frozen=True, kw_only=True):
    """One report as it is read."""

    report: DeploymentReported | LinkReported
    what: str
    by: str


@router.get("/deployments/{deployment_id:path}")
def deployment_page(request: Request, deployment_id: str) -> Response:
    """The page."""
    resile: Resile = request.app.state.resile
    if not deployment_id:
        return RedirectResponse("/delivery", status_code=307)
    view = show_deployment(resile, deployment_id)
    if view is None:
        return render(
            request, "deployment_unknown.html", status_code=404, title="Not found", deployment_id=deployment_id
        )
    return page_of_deployment(request, view)


def page_of_deployment(
    request: Request, view: DeploymentView, *, problem: str = "", status_code: int = 200
) -> Response:
    """The deployment's page; `problem` says why what was said of it was not taken down."""
    deployment = view.deployment
    shown = view.commits[:MOST_SHOWN]
    return render(
        request,
        "deployment.html",
        status_code=status_code,
        title=f"Deployment {name_of_deployment(deployment)}",
        view=view,
        deployment=deployment,
        called=name_of_deployment(deployment),
        place=place_name(deployment.service, deployment.environment),
        url=web_address(deployment.url),
        message=_message(view),
        changes=_changes(shown, view.pull_requests),
        n_shown=len(shown),
        evidence_words=EVIDENCE_WORDS,
        confidence_words=confidence_words,
        denied=[link for link in deployment.links if not link.is_cause],
        told=[_told(report) for report in view.reports],
        who=who,
        max_reason=MAX_REASON,
        problem=problem,
        can_write=may_write(request),
    )


def name_of_deployment(deployment: Deployment) -> str:
    """What people call it."""
    return deployment.version or (deployment.sha or "")[:10] or deployment.ref


def _message(view: DeploymentView) -> list[tuple[str, bool]]:
    """What became of it, as one sentence in pieces."""
    deployment = view.deployment
    if deployment.deployed_at is None:
        status = deployment.status.value if deployment.status is not None else "not known"
        return [("It never succeeded: ", False), (status, True), (", so it counts in no metric.", False)]
    if view.n_commits is None:
        brought = "changes that are not known"
    else:
        brought = counted(view.n_commits, "commit") if view.n_commits else "no new commit"
    blamed = [link for link in view.links if link.incident_id]
    if blamed:
        first = blamed[0].incident_id or ""
        caused = first if len(blamed) == 1 else counted(len(blamed), "incident")
        verb = _caused(max(link.confidence for link in blamed))
        return [(f"It brought {brought} and {verb} ", False), (caused, True), (".", False)]
    if view.links:
        return [(f"It brought {brought} and ", False), (EVIDENCE_WORDS[view.links[0].evidence], True), (".", False)]
    return [("It brought ", False), (brought, True), (", and no failure is known of it.", False)]


def _caused(confidence: float) -> str:
    """No more certain than the evidence is: `caused`, `probably caused`, `may have caused`."""
    words = confidence_words(confidence)
    if words.startswith("certain"):
        return "caused"
    return "probably caused" if words.startswith("likely") else "may have caused"


def _changes(commits: Sequence[Commit], pulls: dict[str, PullRequest]) -> list[Change]:
    grouped: dict[str, Change] = {}
    for commit in commits:
        pull = pulls.get(commit.sha)
        key = pull.id if pull is not None else commit.sha
        if key not in grouped:
            url = None if pull is None else web_address(pull.url)
            grouped[key] = Change(pull_request=pull, url=url, commits=[])
        grouped[key].commits.append(commit)
    return list(grouped.values())


def _told(report: DeploymentReported | LinkReported) -> Told:
    if isinstance(report, LinkReported):
        verb = "caused" if report.is_cause else "did not cause"
        return Told(report=report, what=f"It {verb} {report.incident_id}", by=who(report.by))
    named = [
        report.status.value if report.status is not None else "",
        f"version {report.version}" if report.version else "",
        report.unplanned.value if report.unplanned is not None else "",
        f"mends {report.mends}" if report.mends else "",
        f"caused {', '.join(report.caused)}" if report.caused else "",
    ]
    return Told(report=report, what="; ".join(filter(None, named)) or "told of", by=who(report.by))


class _Link(BaseModel):
    deployment_id: str
    incident_id: str = ""
    is_cause: str = "yes"
    reason: str = ""


@router.post("/do/link", dependencies=[Depends(check_form)])
def link(request: Request, form: Annotated[_Link, Form()]) -> Response:
    """A person says that this deployment caused an incident, or that it did not."""
    resile: Resile = request.app.state.resile
    try:
        say_link(
            resile,
            form.deployment_id,
            form.incident_id,
            is_cause=form.is_cause == "yes",
            reason=form.reason,
            by=author_of(request),
        )
    except ConfigError as error:
        view = show_deployment(resile, form.deployment_id)
        if view is None:
            raise
        return page_of_deployment(request, view, problem=str(error), status_code=409)
    return RedirectResponse(f"/deployments/{path_part(form.deployment_id)}", status_code=303)
