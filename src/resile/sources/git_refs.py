"""The branches and tags of a repository."""

from fnmatch import fnmatchcase

from msgspec import Struct

from resile.sources.git_plumbing import Git

_FORMAT = "%00".join(
    f"%({atom})"
    for atom in (
        "refname", "objecttype", "objectname", "*objecttype", "*objectname", "taggerdate:unix", "committerdate:unix",
        "*committerdate:unix",
    )
)  # fmt: skip


class Ref(Struct, frozen=True, kw_only=True):
    """A branch or tag.

    Attributes:
        name: without `refs/tags/` and the like; of a remote's branch without the remote.
        commit: to which it leads, through tags of tags; None where it leads to something else.
        kind: of what it leads to.
        seconds: when it was made, in unix seconds: of an annotated tag by its tagger, else of its commit.
    """

    name: str
    commit: str | None
    kind: str
    seconds: str
    is_tag: bool
    is_remote: bool

    def fits(self, pattern: str) -> bool:
        """Whether a branch's name is of the pattern."""
        return fnmatchcase(self.name, pattern)


def read_refs(git: Git) -> list[Ref]:
    """All branches, those of remotes and the checked-out commit included, and all tags; in order of their names."""
    arguments = ("for-each-ref", f"--format={_FORMAT}", "refs/heads", "refs/remotes", "refs/tags")
    rows = [line.split("\0") for line in git.answer(*arguments).split("\n") if line]
    nested = [row[2] for row in rows if row[3] == "tag"]
    ends = _ends(git, nested) if nested else {}
    refs = []
    for full, kind, sha, inner_kind, inner, tagged, committed, inner_committed in rows:
        end_kind, end, ended = kind, sha, committed
        if kind == "tag":
            end_kind, end, ended = ends[sha] if inner_kind == "tag" else (inner_kind, inner, inner_committed)
        _, space, name = full.split("/", 2)
        is_remote = space == "remotes"
        refs.append(
            Ref(
                name=name.partition("/")[2] if is_remote else name,
                commit=end if end_kind == "commit" else None,
                kind=end_kind,
                seconds=tagged or ended,
                is_tag=space == "tags",
                is_remote=is_remote,
            )
        )
    return refs + _detached(git)


def _ends(git: Git, tags: list[str]) -> dict[str, tuple[str, str, str]]:
    """Of tags of tags: kind, id and time of what they lead to in the end."""
    answers = git.answer("cat-file", "--batch-check=%(objectname) %(objecttype)", lines=[f"{tag}^{{}}" for tag in tags])
    ends = {}
    for tag, line in zip(tags, answers.splitlines(), strict=True):
        sha, _, kind = line.partition(" ")
        seconds = git.answer("log", "-1", "--format=%ct", sha).strip() if kind == "commit" else ""
        ends[tag] = (kind, sha, seconds)
    return ends


def _detached(git: Git) -> list[Ref]:
    """The checked-out commit, which no branch or tag need hold; none in a repository without commits."""
    answer = git.answer("cat-file", "--batch-check=%(objectname) %(objecttype)", lines=["HEAD"]).strip()
    sha, _, kind = answer.partition(" ")
    if kind != "commit":
        return []
    return [Ref(name="HEAD", commit=sha, kind=kind, seconds="", is_tag=False, is_remote=False)]
