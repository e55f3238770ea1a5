"""Opsgenie's users with their contacts, and the rules by which each is used."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from resile.model.catalog import Kind
from resile.model.time import DAY, HOUR, MINUTE
from resile.sources.rosters.roster import Roster, inner, items_of, text_of, title_of, whole_of

_CHANNELS = {"email": ("mail", "email"), "sms": ("sms", "sms"), "voice": ("phone", "voice")}
_UNITS = {"minutes": MINUTE, "hours": HOUR, "days": DAY}


def add_person(roster: Roster, ref: str, user: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> None:
    """Add somebody.

    Args:
        rules: of everybody, as GET /v2/users/{id}/notification-rules/{id} answers; whose one is, its steps' contacts
            say.
    """
    title, email = text_of(user, "fullName", "username"), text_of(user, "username")
    name = roster.name(Kind.PERSON, ref, title)
    contacts: dict[tuple[str, str], dict[str, str]] = {}
    for one in items_of(user, "userContacts"):
        method, to = _contact(one)
        if one.get("enabled") is False or inner(one, "status").get("enabled") is False:
            roster.note(f"person {name!r}: a contact by {method} is disabled in Opsgenie; it is left out")
        elif method not in _CHANNELS or not to:
            roster.note(f"person {name!r}: a contact by {method or '?'} is left out")
        else:
            contacts[method, to] = _named(method, to, {other["name"] for other in contacts.values()})
    if not contacts and "@" in email:
        contacts["email", email] = _named("email", email, set())
    zone = roster.zone(user.get("timeZone"), f"person {name!r}", otherwise=None)
    told = _rules(contacts, rules)
    roster.add(Kind.PERSON, name, title, zone=zone, contacts=list(contacts.values()), rules=told)


def _contact(one: Mapping[str, Any]) -> tuple[str, str]:
    """Its method and address; a phone's number is `1-5550100` in Opsgenie."""
    method, to = text_of(one, "contactMethod", "method").lower(), text_of(one, "to")
    return method, to if method == "email" else "+" + "".join(filter(str.isdigit, to)) if to else ""


def _named(method: str, to: str, taken: set[str]) -> dict[str, str]:
    wanted, channel = _CHANNELS[method]
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return {"name": name, "channel": channel, "address": title_of(to)}


def _rules(
    contacts: Mapping[tuple[str, str], dict[str, str]], rules: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """By what a new alert is told; rules for other occasions are not for pages."""
    found: list[tuple[timedelta, str]] = []
    for rule in rules:
        if text_of(rule, "actionType") != "create-alert" or rule.get("enabled") is False:
            continue
        for step in items_of(rule, "steps"):
            contact = contacts.get(_contact(inner(step, "contact")))
            after = inner(step, "sendAfter")
            wait = whole_of(after, "timeAmount") * _UNITS.get(text_of(after, "timeUnit"), MINUTE)
            if contact is not None and step.get("enabled") is not False:
                found.append((wait, contact["name"]))
    return [
        {"use": use, "after": f"{wait // MINUTE}m"} if wait else {"use": use}
        for wait, use in sorted(dict.fromkeys(found))
    ]
