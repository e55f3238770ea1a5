"""What of a playbook would let somebody down is found beforehand, by line."""

from datetime import date

import pytest

from resile.app.playbook_sample import PLAYBOOK_EXAMPLE
from resile.response.playbook_lint import Surroundings, lint

AROUND = Surroundings(today=date(2026, 11, 1), teams={"payments"}, leads_somewhere=lambda link: link == "there.md")


def found(text: str, around: Surroundings = AROUND) -> list[str]:
    return [str(fault) for fault in lint("checkout-errors", text, around)]


def test_example_has_nothing_to_mend() -> None:
    assert found(PLAYBOOK_EXAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("owner: payments\n", "", "line 1: nobody owns it"),
        ("owner: payments\n", "owner: payment\n", "line 5: its owner payment is no team of the catalog; did you mean"),
        ("reviewed: 2026-10-01\n", "", "line 1: nobody says when it was reviewed; read it, then add reviewed: 2026"),
        ("2026-10-01", "2026-05-04", "line 6: it was reviewed 181 days ago, more than 180"),
        ("2026-10-01", "2027-05-04", "line 6: it was reviewed on 2027-05-04, which is yet to come"),
        ("match: {alertname: CheckoutErrorRate, service: checkout}\n", "", "line 1: it is for no alert"),
        ("## Escalate", "## Escalation", "line 42: ## Escalation is no section of a playbook; did you mean"),
        ('{name=errors-are-gone expect="< 0.01 for 5m"}', "", "line 37: Verify has no step"),
        (' expect="< 0.01 for 5m"', "", "line 38: step 'errors-are-gone' passes whatever it finds"),
        ("## Escalate", "### Escalate", "line 1: section Escalate is missing"),
        ('"$service" --last', '"$host" --last', "line 20: step 'last-deploys' says $host, which is no input"),
        ("service: label.service", "service: label.service, x: label.x", "line 7: input x is used by no step"),
        ("Baskets", "[Baskets](gone.md) [b](there.md) [c](https://x.example)", "line 15: link 'gone.md' leads nowhere"),
        ("Baskets", "[Baskets](#none) [b](#meaning)", "line 15: link '#none' leads to no heading"),
        ("# Checkout error rate is high\n", "", "line 1: it has no title"),
    ],
)  # fmt: skip
def test_what_had_better_be_mended_is_told_with_its_line(old: str, new: str, says: str) -> None:
    assert old in PLAYBOOK_EXAMPLE
    said = found(PLAYBOOK_EXAMPLE.replace(old, new))

    assert any(one.startswith(says) for one in said), said
    assert not any(fault.is_unsafe for fault in lint("checkout-errors", PLAYBOOK_EXAMPLE.replace(old, new), AROUND))


def test_what_is_unsafe_is_told_alone_and_marked() -> None:
    faults = lint("checkout-errors", PLAYBOOK_EXAMPLE.replace(" timeout=20s", ""), AROUND)

    assert [(fault.line, fault.is_unsafe) for fault in faults] == [(20, True)]


def test_owner_is_not_looked_up_where_nobody_knows_the_teams() -> None:
    around = Surroundings(today=AROUND.today, teams=None, leads_somewhere=AROUND.leads_somewhere)

    assert found(PLAYBOOK_EXAMPLE.replace("owner: payments", "owner: zoe"), around) == []
