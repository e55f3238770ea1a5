"""A clone that a test makes with git itself, and a store that it is imported into."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resile.app.import_deliveries import DeliverySummary, import_deliveries
from resile.model.change import Deployment
from resile.ports.delivery_store import DeliveryStore
from resile.sources.git_releases import ReleaseRules, parsed_environments
from resile.sources.git_repo import GitOptions, GitRepo
from resile.testing.memory_deliveries import MemoryDeliveryStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock

START = datetime(2024, 1, 1, tzinfo=UTC)


class GitWorld:
    """One repository; each commit is an hour after the one before."""

    def __init__(self, folder: Path, store: DeliveryStore | None = None) -> None:
        self.path = folder / "shop"
        self.path.mkdir(parents=True)
        self.store = store or MemoryDeliveryStore()
        self.timelines = MemoryTimelineStore()
        self.clock = SimulatedClock(START + timedelta(days=1_000))
        self.now = START
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, given: str = "") -> str:
        stamp = f"{int(self.now.timestamp())} +0000"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", "Ann"), ("EMAIL", "ann@example.org"), ("DATE", stamp))}  # fmt: skip
        ran = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            env=clean | who | {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.path.parent)},
            input=given.encode(),
            capture_output=True,
            check=True,
        )
        return ran.stdout.decode().strip()

    def commit(self, message: str = "Change") -> str:
        self.now += timedelta(hours=1)
        self.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file=-", given=message)
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str, *target: str, is_annotated: bool = False, is_forced: bool = False) -> None:
        how = ["--annotate", "--message=x"] if is_annotated else []
        self.git("tag", *how, *(["--force"] if is_forced else []), name, *target)

    def take(self, *environments: str, service: str = "shop", tags: tuple[str, ...] = (), path: Path | None = None,
             is_first_parent: bool | None = None) -> DeliverySummary:  # fmt: skip
        self.clock.advance(timedelta(minutes=1))
        rules, default = parsed_environments(environments)
        options = GitOptions(
            service=service,
            rules=ReleaseRules(names=frozenset({service}), patterns=tags, rules=rules, environment=default),
        )
        return import_deliveries(
            GitRepo(options, self.clock),
            str(path or self.path),
            deliveries=self.store,
            timelines=self.timelines,
            clock=self.clock,
            service=service,
            is_first_parent=is_first_parent,
        )

    def deployments(self, environment: str = "production", service: str = "shop") -> dict[str, Deployment]:
        """By version, those that succeeded."""
        found = self.store.deployments_of(service, environment)
        return {str(one.version): one for one in found if one.deployed_at is not None}

    def shipped(self, environment: str = "production", service: str = "shop") -> dict[str, set[str] | None]:
        """By version, the commits that it first brought."""
        deployments = self.deployments(environment, service)
        noted = self.store.shipped([one.id for one in deployments.values()])
        return {
            version: None if (shas := noted[one.id].shas) is None else set(shas) for version, one in deployments.items()
        }
