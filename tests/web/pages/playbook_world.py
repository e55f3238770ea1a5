"""A resile with playbooks: one that helps, one with something to mend, one that means harm."""

from datetime import timedelta

from resile.app.access import LOCAL
from resile.app.incidents import command_incident, declare
from resile.app.playbook_sample import PLAYBOOK_EXAMPLE
from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.model.incident import InstantName
from resile.model.lifecycle import Declare, Reach
from resile.model.severity import Severity
from resile.testing.simulated_clock import SimulatedClock

from .conftest import INJECTION, LONG

LABELS = {"alertname": "CheckoutErrorRate"}
DOUBTFUL = """\
---
playbook: slow-search
match: {service: search}
---
# Search is slow
## Diagnosis
Look at [the other one](checkout-errors.md), and at [nothing](gone.md).
```sh {name=look risk=read timeout=20s}
curl "$host"
```
```sh
rm -rf / # shown, and never run
```
"""
HOSTILE = f"""\
---
playbook: hostile
match: {{service: "{"s" * 60}"}}
inputs: {{{"x" * 40}: label.{"y" * 150}}}
---
# {INJECTION}
## Meaning
{INJECTION}

<script>alert(3)</script>

[click](javascript:alert(4)) ![x](https://evil.example/x.png) <iframe src="https://evil.example"></iframe>

{LONG}

- a list
  ```sh
  echo '</pre><script>alert(5)</script>'
  ```

## Diagnosis
```sh {{name=look risk=read timeout=1s}}
echo '</pre><script>alert(5)</script>'
```

## Mitigation
```sh {{name={"n" * 64} risk=danger timeout=1h rollback=look}}
echo "</pre><script>alert(6)</script>" {"w" * 200}
```
"""


def put(resile: Resile, **texts: str) -> None:
    """Playbooks by name, with _ for -."""
    keys = {(Kind.PLAYBOOK, name.replace("_", "-")): ({"text": text}, "") for name, text in texts.items()}
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(keys))


def fill(resile: Resile, clock: SimulatedClock) -> None:
    """A year with the checkout failing every week; since its playbook is there, it is over sooner."""
    for n in range(20):
        if n == 10:
            resile.catalog.apply(LOCAL, resile.catalog.changes_to({(Kind.TEAM, "payments"): ({}, "")}))
            put(resile, checkout_errors=PLAYBOOK_EXAMPLE)
        severity = Severity.SEV2 if n % 2 else Severity.SEV3
        told = Declare(title="Checkout fails", services=("checkout",), labels=LABELS, severity=severity)
        incident_id = declare(resile, told, by="ann").incident.id
        if n >= 10:
            resile.playbooks.open(incident_id, by="ann")
        clock.advance(timedelta(minutes=(60 if n < 10 else 10) + n))
        command_incident(resile, incident_id, Reach(InstantName.MITIGATED), by="ann")
        clock.advance(timedelta(days=4))
    put(resile, slow_search=DOUBTFUL, hostile=HOSTILE)
    put(resile, slow_search=DOUBTFUL.replace("Search is slow", "Search is very slow"))
