"""A playbook to begin with: short, whole, and nothing to mend once its owner and its dates are one's own."""

PLAYBOOK_EXAMPLE = """\
---
playbook: checkout-errors
match: {alertname: CheckoutErrorRate, service: checkout}
severity: SEV2
owner: payments
reviewed: 2026-10-01
inputs: {service: label.service}
---
# Checkout error rate is high

## Meaning
More than one in a hundred requests to the checkout fail.

## Impact
Customers see an error when they pay. Baskets are kept.

## Diagnosis
Most often the last deployment is to blame.

```sh {name=last-deploys risk=read timeout=20s}
resile incident list --service "$service" --last 7d
```

## Mitigation
Take back the last deployment; it takes about two minutes.

```sh {name=roll-back risk=change timeout=5m rollback=roll-forward}
deployctl rollback "$service"
```

If that was not it:

```sh {name=roll-forward risk=change timeout=5m}
deployctl rollforward "$service"
```

## Verify
```query {name=errors-are-gone expect="< 0.01 for 5m"}
error_ratio{service="$service"}
```

## Escalate
After 20 minutes without improvement: page the platform team.
"""
