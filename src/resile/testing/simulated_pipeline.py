"""One pipeline of the invented company at work: it turns releases into commits, pull requests and deployments."""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
from msgspec import Struct

from resile.model.change import (
    ChangeReport,
    Commit,
    DeploymentKind,
    DeploymentReported,
    DeploymentStatus,
    PullRequestReported,
    ReviewReported,
    ReviewState,
    deployment_id_of,
)
from resile.model.draft import Draft, incident_id_of
from resile.testing.simulated_pipelines import (
    ASKED_FOR_CHANGES,
    DIRECT_COMMIT,
    FAILS_TO_DEPLOY,
    FIX_TITLE,
    FROM_DRAFT,
    HOUR,
    STAYS_IN_STAGING,
    STEPS,
    TITLES,
    WITHOUT_REVIEW,
    PipelineProfile,
    release_name,
)

ORIGIN = "simulated"
BY = "import:simulated"
_MINUTE = timedelta(minutes=1)
# Spread of every stage: sigma of its logarithm.
_SIGMA = 0.9
# Where the instants of a hotfix lie between the release that it mends and the hotfix itself.
_HURRY = {"written": 0.5, "opened": 0.62, "reviewed": 0.8, "merged": 0.86}


class Release(Struct, frozen=True, kw_only=True):
    """Something that goes out to production.

    Attributes:
        caused: the incidents that it causes, the first first.
        fix: how service was restored by another deployment, at `fixed_at`.
    """

    at: datetime
    name: str
    caused: tuple[Draft, ...] = ()
    fix: str | None = None
    fixed_at: datetime | None = None

    @classmethod
    def of(cls, began: datetime, at: datetime) -> "Release":
        """A planned one."""
        return cls(at=at, name=release_name(began, at))

    @property
    def noticed_at(self) -> datetime:
        """When the last of its incidents was noticed; else when it went out."""
        return max([self.at, *(step.at for draft in self.caused for step in draft.steps if step.kind == "detected")])


class _Pull(Struct, frozen=True, kw_only=True):
    """When a pull request passed what it has to pass."""

    written: datetime
    opened: datetime
    reviewed: datetime | None
    approved: datetime | None
    merged: datetime


class Pipeline:
    """The repository of one service and where it is deployed to.

    Attributes:
        commits, reports: all of them so far.
        went_out: when and under which id something succeeded in production, in order.
    """

    def __init__(
        self, profile: PipelineProfile, people: tuple[str, ...], began: datetime, rng: np.random.Generator
    ) -> None:
        self.commits: list[Commit] = []
        self.reports: list[ChangeReport] = []
        self.went_out: list[tuple[datetime, str]] = []
        self._profile = profile
        self._people = people
        self._began = began
        self._rng = rng
        self._repo = f"git.example.com/shop/{profile.service}"
        self._n_pulls = 0
        # What ran in production last and before that, as (version, commit).
        self._runs: list[tuple[str, str]] = []
        self._to_revert: tuple[str, str] | None = None

    def id_of(self, release: Release) -> str:
        """The id of its deployment to production."""
        return deployment_id_of(ORIGIN, self._ref(release.name))

    def deliver(self, release: Release) -> None:
        """Write it, review it, bring it to staging and production, and mend what it broke."""
        merged_at = self._merge_all(release)
        sha = self.commits[-1].sha
        staged_at = merged_at + (release.at - merged_at) * 0.4
        if self._profile.has_staging:
            self._tell(release.name, staged_at, environment="staging", version=release.name, sha=sha)
            if not release.caused and self._rng.random() < STAYS_IN_STAGING:
                return
        if self._rng.random() < FAILS_TO_DEPLOY:
            failed_at = staged_at + (release.at - staged_at) * 0.5
            self._tell(f"{release.name}-first-try", failed_at, is_done=False, version=release.name, sha=sha)
        self._go_out(release.name, release.at, version=release.name, sha=sha)
        if release.fixed_at is not None:
            self._mend(release, release.fixed_at)

    def _mend(self, release: Release, at: datetime) -> None:
        mends = incident_id_of(release.caused[0].origin, release.caused[0].ref)
        if release.fix == "rollback" and len(self._runs) > 1:
            version, sha = self._runs[-2]
            kind = DeploymentKind.ROLLBACK
            title = f"Back to {version}"
            told = {"version": version, "sha": sha, "unplanned": kind, "mends": mends, "title": title}
            self._go_out(f"{release.name}-rolled-back", at, **told)
        elif release.fix == "hotfix":
            span = at - release.at
            moments = {name: release.at + span * share for name, share in _HURRY.items()}
            self._pull(_Pull(approved=moments["reviewed"], **moments), FIX_TITLE.format(version=release.name), 1)
            sha, kind = self.commits[-1].sha, DeploymentKind.HOTFIX
            self._go_out(f"{release.name}.1", at, version=f"{release.name}.1", sha=sha, unplanned=kind, mends=mends)
        elif release.fix == "revert":
            self._to_revert = self._runs[-1]

    def _go_out(self, ref: str, at: datetime, **told: Any) -> None:
        """A success in production."""
        self._tell(ref, at, **told)
        self.went_out.append((at, deployment_id_of(ORIGIN, self._ref(ref))))
        self._runs = [*self._runs[-1:], (str(told["version"]), str(told["sha"]))]

    def _tell(
        self, ref: str, at: datetime, *, environment: str = "production", is_done: bool = True, **told: Any
    ) -> None:
        """It started, and minutes later it succeeded or did not."""
        started_at = at - timedelta(seconds=int(self._rng.integers(150, 600)))
        status = DeploymentStatus.SUCCEEDED if is_done else DeploymentStatus.FAILED
        last = "" if environment == "production" else f"-{environment}"
        # Of staging nobody needs to know since when it was under way.
        steps = [(DeploymentStatus.RUNNING, started_at)] if environment == "production" else []
        for reached, reached_at in [*steps, (status, at)]:
            told_at = reached_at.replace(microsecond=0)
            self.reports.append(
                DeploymentReported(
                    id=reached.value,
                    at=told_at,
                    recorded_at=told_at,
                    by=BY,
                    origin=ORIGIN,
                    ref=self._ref(ref) + last,
                    service=self._profile.service,
                    environment=environment,
                    repo=self._repo,
                    status=reached,
                    **told,
                )
            )

    def _ref(self, name: str) -> str:
        return f"{self._profile.service}-{name}"

    def _merge_all(self, release: Release) -> datetime:
        """Its pull requests, in order of their merge; gives the last merge."""
        batch = self._profile.batch / (self._profile.oftener if self._has_changed(release.at) else 1.0)
        n = 1 + int(self._rng.poisson(max(batch - 1, 0.1)))
        previous_at = self.went_out[-1][0] if self.went_out else release.at - 24 * HOUR
        room = max(release.at - previous_at, 20 * _MINUTE)
        pulls = sorted((self._moments(release.at, room) for _ in range(n)), key=lambda one: one.merged)
        if self._to_revert is not None:
            version, sha = self._to_revert
            self._to_revert = None
            self._pull(pulls[0], f"Revert what came with {version}", 1, reverts=sha)
            pulls = pulls[1:] or pulls
        for pull in pulls:
            self._pull(pull, TITLES[int(self._rng.integers(len(TITLES)))], 1 + min(int(self._rng.poisson(0.9)), 6))
        return pulls[-1].merged

    def _moments(self, deployed_at: datetime, room: timedelta) -> _Pull:
        """Backwards from the deployment; merged after the release before it."""
        profile = self._profile
        slower = profile.slower if self._has_changed(deployed_at) else 1.0
        medians = (profile.write_h, profile.review_h * slower, profile.approve_h, profile.merge_h)
        drawn = np.exp(_SIGMA * self._rng.standard_normal(5)).tolist()
        wait = min(profile.wait_h * slower * drawn[4] * HOUR, room * (0.3 + 0.65 * float(self._rng.random())))
        write, review, approve, merge = (
            max(median * factor * HOUR, _MINUTE) for median, factor in zip(medians, drawn[:4], strict=True)
        )
        merged = deployed_at - max(wait, 12 * _MINUTE)
        approved = merged - merge
        reviewed = approved - approve
        opened = reviewed - review
        is_reviewed = self._rng.random() >= WITHOUT_REVIEW
        return _Pull(
            written=opened - write,
            opened=opened,
            reviewed=reviewed if is_reviewed else None,
            approved=approved if is_reviewed else None,
            merged=merged,
        )

    def _has_changed(self, at: datetime) -> bool:
        share = self._profile.change_at
        return share is not None and at >= self._began + share * timedelta(days=365)

    def _pull(self, pull: _Pull, title: str, n_commits: int, *, reverts: str | None = None) -> None:
        """A pull request with its commits and reviews, or now and then commits without one."""
        author, reviewer = self._two_people()
        span = pull.opened - pull.written
        shas = []
        for number in range(n_commits):
            subject = title if not number else STEPS[int(self._rng.integers(len(STEPS)))]
            taken_back = (reverts,) if reverts is not None else ()
            shas.append(self._commit(pull.written + span * (number / n_commits), subject, author, taken_back))
        if reverts is None and self._rng.random() < DIRECT_COMMIT:
            return
        self._n_pulls += 1
        merged_at = pull.merged.replace(microsecond=0)
        ready_at = pull.opened + span * 0.3 if self._rng.random() < FROM_DRAFT else pull.opened
        ready_at = min(ready_at, pull.reviewed or pull.merged)
        self.reports.append(
            PullRequestReported(
                id="merged",
                at=merged_at,
                recorded_at=merged_at,
                by=BY,
                repo=self._repo,
                number=str(self._n_pulls),
                title=title,
                author=author,
                opened_at=pull.opened.replace(microsecond=0),
                ready_at=ready_at.replace(microsecond=0),
                merged_at=merged_at,
                merge_sha=shas[-1],
                head_sha=shas[-1],
                commits=tuple(shas),
            )
        )
        self._review(pull, reviewer)

    def _review(self, pull: _Pull, reviewer: str) -> None:
        if pull.reviewed is None or pull.approved is None:
            return
        first = ReviewState.CHANGES_REQUESTED if self._rng.random() < ASKED_FOR_CHANGES else ReviewState.COMMENTED
        said = [(first, pull.reviewed)] if pull.reviewed < pull.approved else []
        for state, at in [*said, (ReviewState.APPROVED, pull.approved)]:
            told_at = at.replace(microsecond=0)
            self.reports.append(
                ReviewReported(
                    id=f"{reviewer}:{state.value}",
                    at=told_at,
                    recorded_at=told_at,
                    by=BY,
                    repo=self._repo,
                    number=str(self._n_pulls),
                    reviewer=reviewer,
                    state=state,
                )
            )

    def _commit(self, at: datetime, subject: str, author: str, reverts: tuple[str, ...]) -> str:
        """One more commit on the main line; gives its id."""
        sha = blake2b(f"{self._repo}:{len(self.commits)}".encode(), digest_size=20).hexdigest()
        committed_at = at.replace(microsecond=0)
        self.commits.append(
            Commit(
                repo=self._repo,
                sha=sha,
                parents=(self.commits[-1].sha,) if self.commits else (),
                authored_at=committed_at,
                committed_at=committed_at,
                subject=subject,
                author=author,
                reverts=reverts,
            )
        )
        return sha

    def _two_people(self) -> tuple[str, str]:
        first = int(self._rng.integers(len(self._people)))
        other = (first + 1 + int(self._rng.integers(len(self._people) - 1))) % len(self._people)
        return self._people[first], self._people[other]
