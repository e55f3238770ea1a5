"""What the doors for alerts have in common: parts within their limits, and a sentence for each that is missing or cut.

An alert that can be read at all is taken: somebody may have to get up for it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from resile.model.alert import (
    MAX_DESCRIPTION,
    MAX_FINGERPRINT,
    MAX_LABEL_NAME,
    MAX_LABEL_VALUE,
    MAX_LABELS,
    MAX_LINKS,
    MAX_TITLE,
    Alert,
    AlertState,
    Link,
    fingerprint_of,
)
from resile.model.severity import Severity
from resile.model.time import DAY, MINUTE, format_instant
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery
from resile.sources.doors.alert_times import instant_of, is_without_zone
from resile.sources.doors.body import MAX_NAME, MAX_URL, Node, kind_of, printable, shown, web_address
from resile.sources.doors.naming import Naming
from resile.sources.doors.severity_words import severity_of

# More than a body may hold that tells enough of each to be of use.
MAX_ALERTS = 50_000
MAX_WARNINGS = 16
MAX_WARNING = 300
# Of a delivery's headers the one that has the path of the request, where that says what is asked.
PATH = "x-resile-path"
NAMELESS = "An alert without a name"
# By which labels an alert tells its service, the most telling first.
SERVICE_LABELS = ("service", "service_name", "app", "app_kubernetes_io_name", "app.kubernetes.io/name")
SEVERITY_LABELS = ("severity", "priority", "level")
# Not a service, but what the option `services` may call one.
_MAPPED_LABELS = (*SERVICE_LABELS, "job")
# Kept before all others where there are too many.
_FIRST_LABELS = ("alertname", *_MAPPED_LABELS, *SEVERITY_LABELS, "team", "instance", "environment", "env")
_FIRST = {name: rank for rank, name in enumerate(_FIRST_LABELS)}
# A clock that is some seconds ahead is everybody's clock.
SKEW = MINUTE
OLDEST = 30 * DAY
_MAX_INTEGER = 1 << 63
# As in body.py, but for the line break, which prose keeps.
_NOT_PROSE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Telling:
    """One alert while it is read.

    Attributes:
        told_at: when the door took it.
    """

    def __init__(
        self, options: DoorOptions, delivery: Delivery, warnings: Iterable[str] = (), naming: Naming | None = None
    ) -> None:
        """Begin with what there is to say of all alerts of the body; `naming` is that of the options, made once."""
        self.told_at = delivery.received_at
        self._door = options.name or delivery.door
        self._naming = naming or Naming(options)
        self._default_service = options.service
        self._default_severity = None if options.severity is None else severity_of(options.severity)
        self._warnings = dict.fromkeys(warnings)
        self._links: dict[str, Link] = {}
        self._playbook: str | None = None

    def warn(self, sentence: str) -> None:
        """Say what it lacks, or what was cut."""
        # One more than are kept, so that it can be said that there are more.
        if len(self._warnings) <= MAX_WARNINGS:
            self._warnings[sentence] = None

    def raw(self, node: Node) -> str:
        """A field as it came, numbers too; empty where it is missing or holds something else, which is said."""
        value = node.value
        text = scalar_text(value)
        if text is None:
            self.warn(f"{node.path} is {kind_of(value)} where a text is read, and was left out")
        return text or ""

    def line(self, node: Node, limit: int = MAX_NAME) -> str:
        """A field on one line, cut at `limit`, which is said."""
        return self.cut(self.raw(node), limit, node.path)

    def cut(self, text: str, limit: int, place: str) -> str:
        """A text on one line, cut at `limit`, which is said."""
        if len(text) > limit:
            self.warn(f"{place} was cut: it has {len(text):,} characters, and {limit:,} are kept")
        return printable(text, limit)

    def prose(self, text: str, place: str = "its description") -> str:
        """A text of several lines, cut as a description is, which is said."""
        if len(text) > MAX_DESCRIPTION:
            self.warn(f"{place} was cut: it has {len(text):,} characters, and {MAX_DESCRIPTION:,} are kept")
        return prose(text, MAX_DESCRIPTION)

    def texts(self, node: Node) -> dict[str, str]:
        """The fields of an object that are texts, as they came; what holds something else is left out, and said."""
        if not node.is_told:
            return {}
        if not isinstance(node.value, dict):
            self.warn(f"{node.path} is {kind_of(node.value)} where an object is read, and was left out")
            return {}
        return {name: text for name in node.value if (text := self.raw(node[name]))}

    def instant(self, node: Node) -> datetime | None:
        """An instant; None where it is missing, or a zero that stands for that, or none, which is said."""
        at, is_understood = instant_of(node.value)
        if not is_understood:
            self.warn(f"{node.path} is {shown(node.value)}, which is no time, and was left out")
        elif at is not None and is_without_zone(node.value):
            self.warn(f"{node.path} is {shown(node.value)}, without an offset; it is taken as UTC")
        return at

    def severity(self, words: Iterable[str]) -> Severity | None:
        """The severity of the first word that says one; where none does, and there are words, that is said."""
        told = [word for word in words if word.strip()]
        found = next((severity for word in told if (severity := severity_of(word)) is not None), None)
        if told and found is None:
            self.warn(f"severity {shown(told[0])} is unknown; send one such as critical, warning or SEV2")
        return found

    def link(self, words: str, address: str, place: str = "") -> None:
        """Keep an address that leads on; one that is no address of the web is left out, which is said."""
        url = self._address(words, address, place)
        if url is not None and url not in self._links:
            if len(self._links) == MAX_LINKS:
                self.warn(f"it has more than {MAX_LINKS} links; the others were left out")
            else:
                self._links[url] = Link(printable(words, MAX_NAME), url)

    def playbook(self, address: str, place: str) -> None:
        """Keep the address of what to do."""
        self._playbook = self._playbook or self._address("playbook", address, place)

    def _address(self, words: str, address: str, place: str) -> str | None:
        if not address.strip():
            return None
        url = web_address(address.strip())
        if url is None and len(address) > MAX_URL:
            self.warn(f"{place or words} has more than {MAX_URL:,} characters, and was left out")
        elif url is None:
            self.warn(f"{place or words} is {shown(address)}, which is no address of the web, and was left out")
        return url

    def alert(
        self,
        *,
        state: AlertState,
        title: str,
        labels: Mapping[str, str],
        key: str = "",
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        holds_until: datetime | None = None,
        expires_at: datetime | None = None,
        severity: Severity | None = None,
        service: str = "",
        known_by: Iterable[str] = (),
        description: str = "",
        group: str = "",
        by: str = "",
    ) -> Alert:
        """The alert, within all limits, with what there is to say of it.

        Args:
            key: by which the sender means the same condition; empty: its labels tell, else its title.
            title: empty only of one that ends or was acknowledged: what was told before holds.
            labels: as they came.
            service: as the sender names it, where its labels do not.
            known_by: further names by which the option `services` may know it.
        """
        title = self.cut(title, MAX_TITLE, "its title")
        if not title and state is AlertState.FIRING:
            self.warn("it has no title; send one")
            title = NAMELESS
        if not key and not labels:
            self.warn("it has neither a key nor labels: all of the same title count as the same alert")
        starts_at, ended_at = self._span(state, starts_at, ends_at)
        named = self._service(labels, service, known_by)
        if state is AlertState.FIRING:
            severity = severity or self._default_severity
            self._say_what_is_missing(severity, named)
        return Alert(
            door=self._door,
            fingerprint=bounded_key(key) or fingerprint_of(labels or {"title": title}),
            state=state,
            title=title,
            starts_at=starts_at,
            told_at=self.told_at,
            labels=self._kept(labels),
            ends_at=ended_at,
            holds_until=holds_until,
            expires_at=expires_at if state is not AlertState.RESOLVED else None,
            severity=severity,
            service=named,
            description=self.prose(description),
            group=bounded_key(group) or None,
            by=printable(by, MAX_NAME) or None,
            links=tuple(self._links.values()),
            playbook=self._playbook,
            warnings=self._said(),
        )

    def _service(self, labels: Mapping[str, str], service: str, known_by: Iterable[str]) -> str | None:
        """What the option `services` calls it, else its own word, else the door's."""
        own = [*(labels.get(name, "") for name in SERVICE_LABELS), service]
        said = next((printable(word, MAX_NAME) for word in own if printable(word, MAX_NAME)), None)
        mapped = self._naming.mapped_service(*(labels.get(name) for name in _MAPPED_LABELS), service, *known_by)
        return mapped or said or self._default_service

    def _say_what_is_missing(self, severity: Severity | None, service: str | None) -> None:
        if severity is None and not any(one.startswith("severity ") for one in self._warnings):
            self.warn("it tells no severity; send one, such as a label severity")
        if service is None:
            self.warn("it names no service; send a label service, or name one for the door")

    def _span(
        self, state: AlertState, starts_at: datetime | None, ends_at: datetime | None
    ) -> tuple[datetime, datetime | None]:
        """Since when, and until when; a clock that is far off is not believed."""
        start = self._believed(starts_at, "began")
        if state is not AlertState.RESOLVED:
            return start or self.told_at, None
        end = self._believed(ends_at, "ended") or self.told_at
        if start is not None and end < start:
            self.warn(f"it says that it ended at {format_instant(end)}, before it began; the time of arrival is taken")
            end = self.told_at
        return start or end, end

    def _believed(self, at: datetime | None, did: str) -> datetime | None:
        if at is None:
            return None
        if at > self.told_at:
            if at - self.told_at > SKEW:
                self._doubt(at, did, "lies ahead of this clock")
            return self.told_at
        if self.told_at - at > OLDEST:
            self._doubt(at, did, f"is more than {OLDEST // DAY} days ago")
            return None
        return at

    def _doubt(self, at: datetime, did: str, why: str) -> None:
        self.warn(f"it says that it {did} at {format_instant(at)}, which {why}; another time is taken")

    def _kept(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Labels within their limits; of too many, those that tell most are kept, then by name."""
        short = {name: text for name, text in labels.items() if len(name) <= MAX_LABEL_NAME}
        if len(short) < len(labels):
            self.warn(f"labels with names of more than {MAX_LABEL_NAME} characters were left out")
        names = sorted(short, key=lambda name: (_FIRST.get(name, len(_FIRST)), name))
        if len(names) > MAX_LABELS:
            self.warn(f"it has {len(names):,} labels; {MAX_LABELS} are kept")
        kept: dict[str, str] = {}
        for name in names[:MAX_LABELS]:
            plain = printable(name, MAX_LABEL_NAME)
            value = self.cut(short[name], MAX_LABEL_VALUE, f"label {plain}")
            if plain and value:
                kept.setdefault(plain, value)
        return kept

    def _said(self) -> tuple[str, ...]:
        said = [printable(one, MAX_WARNING) for one in self._warnings]
        if len(said) > MAX_WARNINGS:
            said[MAX_WARNINGS - 1 :] = ["and there is more to remark than fits here"]
        return tuple(said)


def listed(node: Node, warnings: list[str]) -> Iterator[Node]:
    """The objects of a list of alerts; what is none, or beyond `MAX_ALERTS`, is said in `warnings`.

    Raises:
        ConfigError: it is no list, or one in which no object stands though something does.
    """
    value = node.needed().value
    if not isinstance(value, list):
        node.refuse(f"is {kind_of(value)}, not a list", "send a list of alerts")
    if value and not any(isinstance(one, dict) for one in value):
        Node(node.sender, f"{node.path}[0]", value[0]).refuse(f"is {kind_of(value[0])}, not an object")
    n_odd = sum(not isinstance(one, dict) for one in value[:MAX_ALERTS])
    if n_odd:
        warnings.append(f"{n_odd} things that came with it are no alerts, and were left out")
    if len(value) > MAX_ALERTS:
        warnings.append(f"{len(value):,} alerts came at once, of which {MAX_ALERTS:,} were taken")
    return (
        Node(node.sender, f"{node.path}[{number}]", one)
        for number, one in enumerate(value[:MAX_ALERTS])
        if isinstance(one, dict)
    )


def labels_of_tags(tags: Iterable[str]) -> dict[str, str]:
    """Tags as labels: `env:prod` by its name, all others together as `tags`."""
    labels: dict[str, str] = {}
    bare: list[str] = []
    for tag in tags:
        name, is_named, value = tag.strip().partition(":")
        if is_named and name.strip() and value.strip() and not value.startswith("//"):
            labels.setdefault(name.strip(), value.strip())
        elif tag.strip():
            bare.append(tag.strip())
    return {**({"tags": ", ".join(bare)} if bare else {}), **labels}


def scalar_text(value: Any) -> str | None:
    """A text, number or truth as text, empty where it is missing; None of anything else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < _MAX_INTEGER else None
    return f"{value:.15g}" if isinstance(value, float) else None


def prose(text: str, limit: int) -> str:
    """A text of several lines without other control characters, cut at `limit`."""
    words = _NOT_PROSE.sub(" ", text[: limit * 4].replace("\r\n", "\n").replace("\r", "\n")).strip()
    return words if len(words) <= limit else words[: limit - 1] + "…"


def bounded_key(key: str) -> str:
    """A sender's key of any length, kept where it is short and legible, else its digest."""
    if not key or (len(key) <= MAX_FINGERPRINT and printable(key, MAX_FINGERPRINT) == key):
        return key
    return fingerprint_of({"key": key})


def expiry(told_at: datetime, ends_at: datetime | None, otherwise: timedelta) -> datetime:
    """Until when one holds of which the sender tells again and again."""
    return ends_at if ends_at is not None and ends_at > told_at else told_at + otherwise
