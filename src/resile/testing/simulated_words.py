"""What people write about simulated incidents: titles, causes and status updates."""

TITLES: dict[str, tuple[str, ...]] = {
    "deployment": (
        "{service}: error rate above 5 % after release {version}",
        "{service}: requests time out since release {version}",
        "{service}: release {version} returns empty pages in {region}",
        "{service}: memory grows without end after release {version}",
    ),
    "configuration": (
        "{service}: rejects valid requests after a change of limits",
        "{service}: wrong feature flag switched on in {region}",
        "{service}: certificate expired",
        "{service}: connection pool too small after a change of settings",
    ),
    "dependency": (
        "{service}: slow because the database answers late",
        "{service}: provider's interface returns errors",
        "{service}: message queue does not accept messages",
        "{service}: name resolution fails in {region}",
    ),
    "capacity": (
        "{service}: latency above 2 s at peak load",
        "{service}: queue grows faster than it is worked off",
        "{service}: disk 95 % full in {region}",
        "{service}: autoscaling reached its ceiling",
    ),
    "hardware": (
        "{service}: node lost in {region}",
        "{service}: disk failed in {region}",
        "{service}: network link down in {region}",
    ),
    "unknown": (
        "{service}: intermittent errors",
        "{service}: availability below its objective in {region}",
        "{service}: customers report failures",
    ),
}

LONG_TITLE = (
    "{title}, first noticed by customers of the marketplace in {region} who could neither see their baskets nor reach"
    " support, while dashboards stayed green because the probes ask a cached page that does not touch the failing path"
)

CAUSES: dict[str, str] = {
    "deployment": "release {version} changed a query that no longer uses its index",
    "configuration": "a limit was lowered for all regions instead of one",
    "dependency": "an upstream system answers slowly and nothing gives up in time",
    "capacity": "load doubled and the ceiling of the autoscaler was reached",
    "hardware": "a machine failed and its replacement had to be brought up by hand",
    "unknown": "not understood; it went away after a restart",
}

# By the instant that they tell of: the publisher's word for the phase, and the text.
UPDATES: dict[str, tuple[str, str]] = {
    "acknowledged": ("investigating", "We are looking into problems with {service}."),
    "identified": ("identified", "We know the cause: {cause}. We are working on it."),
    "mitigated": ("monitoring", "A fix is in place for {service}; we are watching it."),
    "restored": ("resolved", "{service} works as usual again. We are sorry for the trouble."),
}

NOTES: tuple[str, ...] = (
    "Rolled back one region first; errors fell at once.",
    "Provider confirms trouble on their side.",
    "Dashboard shows nothing unusual; asking for traces.",
    "Restarted the two oldest instances, no change.",
    "Second responder joined.",
    "Traffic shifted to the neighbouring region.",
)

PLANNED: tuple[str, ...] = (
    "{service}: planned upgrade of the database",
    "{service}: planned failover to the second site",
    "{service}: planned change of the network in {region}",
)
DRILL = "Drill: {service} loses a region"
TEST = "Test page for {service}, please ignore"
NOISE: tuple[str, ...] = (
    "{service}: one failed probe, recovered by itself",
    "{service}: alert on a metric that was renamed",
)
