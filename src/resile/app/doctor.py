"""`resile doctor`: says today what would fail at night."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from resile.app import doctor_running as running
from resile.app import doctor_status
from resile.app.access import Identity
from resile.app.chat_settings import ChatSettings
from resile.app.doctor_catalog import CatalogExamination
from resile.app.findings import Finding, Gravity, worst_first
from resile.app.playbook_lint import playbook_findings
from resile.app.templates import check_template_renders
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.ports.account_store import Scope

if TYPE_CHECKING:
    from resile.ports.channel import Channel
    from resile.response.oncall import Duty

_SELF = Identity(by="resile", name="resile", scopes=frozenset(Scope))


class Examination(Struct, frozen=True, kw_only=True):
    """What was found, the worst first, and when."""

    examined_at: datetime
    findings: list[Finding]


def _unheard(_said: str) -> None:
    """Progress that nobody wants to hear."""


def examined(
    resile: Resile, *, channels: "Mapping[str, Channel] | None" = None, tell: Callable[[str], None] = _unheard
) -> list[Finding]:
    """Everything that would fail, the worst first.

    Args:
        channels: those that are open already; None: opened as the settings say.
        tell: hears what is being done, for it takes some seconds.

    Raises:
        StoreError: the database, or the journal, cannot be read.
    """
    now = resile.clock.now()
    tell("Reading the catalog")
    found: list[Finding] = []
    if channels is None:
        channels, faults = _opened(resile)
        found += faults

    def held(schedule: str, starts_at: datetime, ends_at: datetime) -> "list[Duty]":
        return resile.oncall.calendar(schedule, starts_at, ends_at).duties

    catalog = CatalogExamination(
        resile.catalog,
        held,
        channels=channels,
        verified=resile.contacts.verified(),
        template_faults=check_template_renders,
        now=now,
    )
    used = catalog.channels_in_use()
    found += catalog.findings()
    tell("Looking at what is due")
    waiting = resile.journal.waiting(limit=1)
    found += running.overdue(resile.paging, now)
    found += running.unanswered(resile.pager.standing_now())
    found += running.journal_stands(waiting[0].delivery.received_at if waiting else None, now)
    found += running.full(resile.settings.data)
    found += running.skewed(resile.database_now(), now)
    found += running.quiet_or_failing(resile.doors.listed(_SELF), now)
    found += running.addresses(
        has_heartbeat=resile.settings.heartbeat is not None,
        has_base_url=resile.settings.base_url is not None,
        used=used,
    )
    playbooks = [one.playbook for one in resile.playbooks.all().values()]
    found += running.without_playbook(resile.paging, playbooks, now)
    found += playbook_findings(resile)
    found += doctor_status.of_components(resile)
    found += doctor_status.of_links(resile)
    found += doctor_status.of_publishing(resile, now)
    if resile.settings.chat != ChatSettings():
        from resile.app.chat_check import chat_findings  # noqa: PLC0415 - loads what speaks to Slack

        tell("Looking whether incidents can have rooms in chat programs")
        found += chat_findings(resile)
    # Those that are there although nobody set them up, and that nobody uses, need not be reached.
    tried = {name: one for name, one in channels.items() if name in used or name in resile.settings.channels}
    # First among their like: one channel may be the way to everybody.
    gone = running.unreachable(tried, used, tell)
    return worst_first([*catalog.cut_off(list(gone)), *gone.values(), *found])


def _opened(resile: Resile) -> "tuple[dict[str, Channel], list[Finding]]":
    """The channels that the settings name, one by one: one that is set up wrongly does not hide the others."""
    from resile.channels.registry import open_channels  # noqa: PLC0415 - loads every channel there is

    settings, opened, faults = resile.settings, dict[str, "Channel"](), []
    for name in (None, *settings.channels):
        # How much may go out at once is the outbox's setting, not the channel's.
        told = (
            {} if name is None else {one: value for one, value in settings.channels[name].items() if one != "throttle"}
        )
        given = {} if name is None else {name: told}
        try:
            its = open_channels(given, clock=resile.clock, allowed=settings.allowed_addresses, key=resile.key)
        except ConfigError as error:
            faults.append(
                Finding(
                    gravity=Gravity.CRITICAL,
                    subject=f"channel {name}" if name else "the channels",
                    what="cannot be opened",
                    why=str(error),
                    where="correct it in resile.toml",
                )
            )
        else:
            opened.update(its if name is None else {name: its[name]})
    return opened, faults
