"""How the invented company delivers: its pipelines, the truths hidden in their numbers, and what people write of it."""

from datetime import datetime, timedelta

from msgspec import Struct

HOUR = timedelta(hours=1)


class PipelineProfile(Struct, frozen=True, kw_only=True):
    """How one service is delivered. Hours are medians; each is drawn with a heavy tail.

    Attributes:
        per_week: planned releases.
        batch: pull requests in a release, on average.
        write_h: first commit to pull request.
        review_h, approve_h, merge_h: until the first review, from there to the approval, from there to the merge.
        wait_h: from the merge until the release goes out.
        change_at: share of the year after which the three changes hold; None: nothing changes.
        slower: factor on waiting for review and for deployment from then on.
        oftener: factor on releases per week, and one over it on their batches.
        until: share of the year after which nobody tells of its deployments any more.
        has_staging: a release is tried in staging first; else it goes straight to production.
    """

    service: str
    per_week: float
    batch: float = 1.5
    write_h: float = 5.0
    review_h: float = 3.0
    approve_h: float = 2.0
    merge_h: float = 0.7
    wait_h: float = 3.0
    change_at: float | None = None
    slower: float = 1.0
    oftener: float = 1.0
    until: float = 1.0
    has_staging: bool = False


# Services that have incidents and are not here have no deployments known: somebody has yet to connect them.
PIPELINES: tuple[PipelineProfile, ...] = (
    PipelineProfile(service="checkout", per_week=10, has_staging=True),
    # Small changes, many times a day.
    PipelineProfile(
        service="storefront", per_week=13, batch=1.2, write_h=3, review_h=1.4, approve_h=0.8, merge_h=0.3, wait_h=0.6
    ),
    # Everything of a week at once, behind two gates: the lead time is the longest, and most releases fail.
    PipelineProfile(
        service="payment-gateway", per_week=1.2, batch=8, write_h=14, review_h=26, approve_h=18, merge_h=8, wait_h=60,
        has_staging=True,
    ),
    # From half-way through the year it is released more than twice as often, in smaller batches, and reviewed sooner.
    PipelineProfile(
        service="search", per_week=3.5, batch=2.6, review_h=9, approve_h=4, wait_h=16, change_at=0.5, slower=0.3,
        oftener=2.3,
    ),
    # After the engineers who knew it left, changes wait four times as long for a reviewer.
    PipelineProfile(service="warehouse-sync", per_week=4, batch=1.8, review_h=5, wait_h=8, change_at=0.58, slower=4.0),
    PipelineProfile(service="login", per_week=6),
    PipelineProfile(service="orders", per_week=6, wait_h=6, has_staging=True),
    # Its pipeline was moved, and nobody tells of its deployments since.
    PipelineProfile(service="recommendations", per_week=2.5, batch=2, wait_h=20, until=0.82),
)  # fmt: skip

# Of releases that broke something, how service was restored; the rest went on without another deployment.
FIXES = {"rollback": 0.48, "hotfix": 0.27, "revert": 0.1}
# Of those, how often somebody said so; else only what was deployed afterwards, or the instants, tell it.
SAID = 0.6
# Of incidents with another cause, how often somebody said that the release before it had nothing to do with it.
DENIED = 0.75
STAYS_IN_STAGING = 0.06
FAILS_TO_DEPLOY = 0.02
DIRECT_COMMIT = 0.07
WITHOUT_REVIEW = 0.1
FROM_DRAFT = 0.12
ASKED_FOR_CHANGES = 0.25

TITLES: tuple[str, ...] = (
    "Answer a request once, however often it is sent",
    "Ask the database for a page at a time",
    "Cache what does not change within a minute",
    "Close connections that nobody uses",
    "Count retries, and stop after three",
    "Give up after two seconds instead of thirty",
    "Keep the order of messages of one customer",
    "Log the reason of every refusal",
    "Make the importer read only what is new",
    "Move settings out of the image",
    "Name the field that a form complains of",
    "Put the new address format behind a switch",
    "Read prices from the replica",
    "Remove the old endpoint",
    "Round amounts once, at the end",
    "Show the delivery date before paying",
    "Spread the nightly job over an hour",
    "Take the time zone from the account",
    "Test the way back from a failed payment",
    "Update dependencies",
    "Warm the cache before traffic arrives",
    "Write metrics per region",
)
STEPS: tuple[str, ...] = (
    "Add the test that failed",
    "Answer the review",
    "Cover the empty case",
    "Find a better name",
    "Keep the old behaviour behind the switch",
    "Say why in a comment",
)
FIX_TITLE = "Mend what {version} broke"
SAID_REASONS: tuple[str, ...] = (
    "Errors rose in the minute in which it went out, and on its instances alone.",
    "The trace ends in code that it changed.",
    "It happened again when the release was tried in staging.",
)
DENIED_REASONS: dict[str, str] = {
    "configuration": "A change of settings did it; the release had been fine until then.",
    "dependency": "The system it depends on was slow for everybody.",
    "capacity": "Load alone did it; the release before has nothing to do with it.",
    "hardware": "A machine failed.",
}


def release_name(began: datetime, at: datetime) -> str:
    """What a release that goes out then is called: day of the year and hour, `137.14`; a fix of it is `137.14.1`.

    Args:
        began: when the year began.
    """
    day, hour = divmod(max(at - began, timedelta(0)) // HOUR, 24)
    return f"{day + 1}.{hour}"


def release_begins(began: datetime, name: str) -> datetime:
    """The start of the hour in which a release of this name goes out."""
    day, hour = (int(part) for part in name.split("."))
    return began + timedelta(days=day - 1, hours=hour)
