"""How fast a git history is imported: the first time, and again when little or nothing is new, beside `git log` alone.

    python bench/delivery_git.py [--commits 100000] [--tags 1000] [--runs 3] [--without-facts]

The history is written by `git fast-import`: commits ten minutes apart on a main line, a side branch merged after every
tenth commit, every fiftieth commit a revert, annotated and lightweight tags in turn. The peer is `git log` of the same
fields of the same commits, read to its end and thrown away. Each import is a process of its own, so that its peak
memory is its own; the peak of the children (git itself) stands beside it. On a machine that others use at the same
time, the time at work (user and system, git's included) says more than the time that passed.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

FIRST_S = 1_400_000_000
APART_S = 600
PEER = "--format=%H%x00%P%x00%at%x00%ct%x00%an%x00%s%x00%b"


def stream(n_commits: int, n_tags: int, *, start: int = 1) -> Iterator[bytes]:
    """The history for `git fast-import`, from commit number `start` on; mark :n is the n-th commit."""
    every = max(1, n_commits // n_tags)
    for number in range(start, start + n_commits):
        at = FIRST_S + number * APART_S
        is_merge = number % 10 == 0 and number > start + 5
        message = f"Change {number}: mend what was found at the counter of shop {number % 97}\n\nSeen in review.\n"
        if number % 50 == 0:
            message = f'Revert "Change {number - 7}"\n\nThis reverts commit {number:040x}.\n'
        if number == start:
            parents = "from refs/heads/main^0\n" if start > 1 else ""
        elif is_merge:
            parents = f"from :{number - 1}\nmerge :{number - 3}\n"
        else:
            # Every tenth commit begins a branch of two that is merged by the next but two.
            parents = f"from :{number - 3 if number % 10 == 8 and number > start + 5 else number - 1}\n"
        body = message.encode()
        who = f"Ann <ann@example.org> {at} +0000"
        yield (
            f"commit refs/heads/main\nmark :{number}\nauthor {who}\ncommitter {who}\ndata {len(body)}\n".encode()
            + body
            + f"{parents}\n".encode()
        )
        if number % every == 0:
            index = number // every
            name = f"v{index // 10}.{index % 10}"
            if index % 2:
                yield f"tag {name}\nfrom :{number}\ntagger {who}\ndata 2\nv\n\n".encode()
            else:
                yield f"reset refs/tags/{name}\nfrom :{number}\n\n".encode()


def write(repository: Path, n_commits: int, n_tags: int, *, start: int = 1) -> None:
    """Add to the repository, made where it is missing."""
    if not repository.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(repository)], check=True)
    given = b"".join(stream(n_commits, n_tags, start=start))
    subprocess.run(["git", "-C", str(repository), "fast-import", "--quiet"], input=given, check=True)


def git_log(repository: Path) -> float:
    """Seconds that `git log` of all fields takes."""
    began = time.perf_counter()
    subprocess.run(["git", "-C", str(repository), "log", "--all", "-z", PEER], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def imported(repository: Path, data: Path, *, is_with_facts: bool) -> str:
    """Run one import in a process of its own and give its line."""
    command = [sys.executable, __file__, "--import", str(repository), "--data", str(data)]
    if not is_with_facts:
        command.append("--without-facts")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    whole_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{whole_s:.2f} s from the start of the program, {worked_s:.2f} s of them at work with git; {line}"


def import_here(repository: Path, data: Path, *, is_with_facts: bool) -> None:
    """Import and print seconds, peak memory of this process and of git, and what came of it."""
    from resile.app.import_deliveries import derive_facts, import_deliveries  # noqa: PLC0415 - its loading is no part of the peer
    from resile.app.settings import load_settings  # noqa: PLC0415
    from resile.app.wiring import open_resile  # noqa: PLC0415
    from resile.sources.git_repo import GitOptions, GitRepo  # noqa: PLC0415

    with open_resile(load_settings(data=data)) as resile:
        began = time.perf_counter()
        source = GitRepo(GitOptions(service="shop"), resile.clock)
        summary = import_deliveries(
            source,
            str(repository),
            deliveries=resile.deliveries,
            timelines=resile.timelines,
            clock=resile.clock,
            service="shop",
        )
        read_s = time.perf_counter() - began
        if is_with_facts:
            derive_facts(resile.delivery_facts, summary)
        all_s = time.perf_counter() - began
    own, git = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    facts = f", with facts {all_s:.2f} s" if is_with_facts else ""
    print(
        f"{read_s:.2f} s{facts}, {own:.0f} MiB (git {git:.0f} MiB): {summary.n_commits} commits, "
        f"{summary.n_deployments} deployments, {summary.n_changes} commits shipped"
    )


def main() -> None:
    """Write the history, import it, import it again, add to it, import that."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=100_000)
    parser.add_argument("--tags", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-facts", action="store_true", help="leave out deriving the facts")
    parser.add_argument("--import", dest="repository", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    is_with_facts = not options.without_facts
    if options.repository is not None:
        import_here(options.repository, options.data, is_with_facts=is_with_facts)
        return
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "shop.git"
        write(repository, options.commits, options.tags)
        peer_s = median(git_log(repository) for _ in range(options.runs))
        print(f"{options.commits:,} commits, {options.tags:,} tags; git log alone {peer_s:.2f} s")
        for run in range(options.runs):
            print(
                f"first import {run + 1}: {imported(repository, Path(folder) / str(run), is_with_facts=is_with_facts)}"
            )
        data = Path(folder) / "0"
        for run in range(options.runs):
            print(f"nothing new {run + 1}: {imported(repository, data, is_with_facts=is_with_facts)}")
        every = options.commits // options.tags
        for run in range(options.runs):
            write(repository, every, 1, start=options.commits + 1 + run * every)
            print(f"{every} commits and a tag more: {imported(repository, data, is_with_facts=is_with_facts)}")


if __name__ == "__main__":
    main()
