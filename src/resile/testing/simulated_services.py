"""The invented company whose year of incidents is simulated: its services, and the truths hidden in their numbers."""

from msgspec import Struct

from resile.model.severity import Severity


class ServiceProfile(Struct, frozen=True, kw_only=True):
    """How one service fails and is restored.

    Attributes:
        weight: its share of incidents, relative to the others.
        pace: factor on every phase; above 1 is slower than the company's usual.
        night_pace: factor on acknowledgement between 22:00 and 06:00 UTC.
        change_at: share of the window after which `change` holds; None: nothing changes.
        change: factor on detection, identification and mitigation from then on.
        causes: how often each cause is behind it, relative to each other.
        depends_on: who is hit too when it takes others down.
    """

    name: str
    team: str
    weight: float
    pace: float = 1.0
    night_pace: float = 1.0
    change_at: float | None = None
    change: float = 1.0
    causes: dict[str, float] = {}
    depends_on: tuple[str, ...] = ()


_USUAL = {
    "deployment": 34.0,
    "configuration": 16.0,
    "dependency": 18.0,
    "capacity": 16.0,
    "hardware": 7.0,
    "unknown": 9.0,
}

SERVICES: tuple[ServiceProfile, ...] = (
    # Nobody is awake for it at night: acknowledgement takes four times as long.
    ServiceProfile(
        name="checkout", team="payments", weight=15, night_pace=4.0, causes=_USUAL, depends_on=("storefront", "orders")
    ),
    # Playbooks and better dashboards arrived half-way through the year: phases up to mitigation take 0.3 of the time.
    ServiceProfile(
        name="search",
        team="discovery",
        weight=18,
        pace=1.5,
        change_at=0.5,
        change=0.3,
        causes=_USUAL | {"capacity": 40},
    ),
    # The engineers who knew it left after seven months: they take 3.4 times as long.
    ServiceProfile(
        name="warehouse-sync",
        team="fulfilment",
        weight=13,
        pace=1.1,
        change_at=0.58,
        change=3.4,
        causes=_USUAL | {"dependency": 45},
    ),
    ServiceProfile(
        name="payment-gateway",
        team="payments",
        weight=8,
        pace=0.8,
        causes=_USUAL | {"dependency": 50},
        depends_on=("checkout",),
    ),
    ServiceProfile(name="storefront", team="web", weight=14, pace=0.7, causes=_USUAL | {"deployment": 60}),
    ServiceProfile(
        name="login", team="identity", weight=8, pace=0.6, causes=_USUAL, depends_on=("storefront", "checkout")
    ),
    ServiceProfile(name="orders", team="fulfilment", weight=9, causes=_USUAL),
    ServiceProfile(name="recommendations", team="discovery", weight=6, pace=1.8, causes=_USUAL),
    ServiceProfile(name="email-and-push", team="web", weight=5, pace=1.6, causes=_USUAL),
    ServiceProfile(
        name="data-pipeline", team="data", weight=4, pace=3.5, causes=_USUAL | {"capacity": 35, "hardware": 20}
    ),
)

# Every severity as often as it is seen, and a factor on its phases: what is worse gets more hands.
SEVERITIES: dict[Severity, tuple[float, float]] = {
    Severity.SEV1: (0.04, 0.45),
    Severity.SEV2: (0.13, 0.75),
    Severity.SEV3: (0.42, 1.3),
    Severity.SEV4: (0.30, 3.0),
    Severity.SEV5: (0.11, 6.0),
}

# Factor on identification and mitigation: a bad deployment is rolled back, a disk is driven to.
CAUSE_PACE: dict[str, float] = {
    "deployment": 0.6,
    "configuration": 0.8,
    "dependency": 1.5,
    "capacity": 1.0,
    "hardware": 2.2,
    "unknown": 1.7,
}

# Factor on mitigation where a playbook was followed.
PLAYBOOK_PACE = 0.5

REGIONS: dict[str, float] = {"eu-central": 0.46, "us-east": 0.34, "ap-southeast": 0.20}

RESPONDERS: dict[str, tuple[str, ...]] = {
    "payments": ("Ann Okafor", "Jonas Weber", "Mei Lin"),
    "discovery": ("Priya Raman", "Tomás Rivera"),
    "fulfilment": ("Lena Fischer", "Omar Haddad", "Kofi Mensah"),
    "web": ("Sofia Rossi", "Noah Janssen", "Hana Sato"),
    "identity": ("Ivan Petrov", "Grace Kim"),
    "data": ("Elif Demir", "Marek Nowak"),
}
