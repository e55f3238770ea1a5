"""The tables in which deliveries rest. Instants are microseconds since 1970 in UTC; ids of commits are hexadecimal.

Every row that is added takes the next number of one count, so that whoever saw a number has seen all before it.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from resile.stores.tables import Name, Number, metadata

commits = Table(
    "delivery_commits",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("repo", Name, nullable=False),
    Column("sha", Name, nullable=False),
    # Ids, parted by spaces; null where they are not known.
    Column("parents", Text),
    Column("reverts", Text, nullable=False),
    Column("authored_at", Number, nullable=False),
    Column("committed_at", Number, nullable=False),
    # JSON of subject and author: words of people may hold what PostgreSQL's text refuses.
    Column("words", Text, nullable=False),
    UniqueConstraint("repo", "sha"),
)

# By commit, what it says to revert; of the few commits that do.
reverting = Table(
    "delivery_reverting",
    metadata,
    Column("sha", Name, primary_key=True),
    Column("repo", Name, primary_key=True),
    Column("reverted", Name, primary_key=True),
    Index(None, "repo", "reverted"),
    sqlite_with_rowid=False,
)

deployments = Table(
    "delivery_deployments",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("deployment_id", Name, nullable=False, unique=True),
    # As of which seq its facts may have changed last.
    Column("changed_seq", Number, nullable=False, index=True),
    # Whether a report tells of it, and not only a link or a note of what it shipped.
    Column("is_told", Boolean, nullable=False),
    # As its reports have it together, kept here to be found by.
    Column("service", Name),
    Column("environment", Name),
    # Of the commits that it shipped: their repository, null where nothing is noted; their number, null if not known.
    Column("shipped_repo", Name),
    Column("n_shipped", Integer),
    # As its reports have it together: when it first succeeded, and the commit that it names.
    Column("deployed_at", Number),
    Column("repo", Name, index=True),
    Column("sha", Name),
    Index(None, "service", "environment"),
)

# Where it has to be worked out what was shipped, by deployments from when on; written together with what is the reason.
unsettled = Table(
    "delivery_unsettled",
    metadata,
    # JSON of service and environment, of which either may be null.
    Column("target", Name, primary_key=True),
    Column("service", Name),
    Column("environment", Name),
    Column("since", Number, nullable=False),
    # The number of what made it so last: whoever settles it must have seen that.
    Column("seq", Number, nullable=False),
)

shipped = Table(
    "delivery_shipped",
    metadata,
    Column("deployment", Number, ForeignKey("delivery_deployments.number"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("sha", Name, nullable=False, index=True),
    sqlite_with_rowid=False,
)

pull_requests = Table(
    "delivery_pull_requests",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("pull_request_id", Name, nullable=False, unique=True),
    Column("repo", Name, nullable=False),
    # Id of the pull request that it takes back.
    Column("reverts", Name, index=True),
)

# The commits that any report has counted to a pull request, its merge commit among them; a later one may differ.
pull_commits = Table(
    "delivery_pull_commits",
    metadata,
    Column("pull_request", Number, ForeignKey("delivery_pull_requests.number"), primary_key=True),
    Column("sha", Name, primary_key=True, index=True),
    sqlite_with_rowid=False,
)

reports = Table(
    "delivery_reports",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    # The number of a deployment or of a pull request; no two of them share one.
    Column("subject", Number, nullable=False),
    Column("report_id", Name, nullable=False),
    # JSON of model/change.py.
    Column("body", Text, nullable=False),
    UniqueConstraint("subject", "report_id"),
)

# One for each transaction that wrote, under its last number.
marks = Table(
    "delivery_marks",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("mark", Name, nullable=False),
)

cursors = Table(
    "delivery_cursors",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
