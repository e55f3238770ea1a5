"""Alerts as JSON of any shape: the door's `fields` say where each field stands, else the usual names are looked for."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from resile.model.alert import Alert, AlertState, fingerprint_of
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import Telling, labels_of_tags, listed, scalar_text
from resile.sources.doors.body import Node, kind_of, read_body
from resile.sources.doors.json_guess import NAMES, by_folded_name, guessed, inner, is_secret, list_in, state_word
from resile.sources.doors.json_paths import JsonPath, follow, parse_path
from resile.sources.doors.naming import Naming

_SENDER = "JSON"
FIELDS = frozenset(NAMES)
# Kept as labels, though they tell a field too.
_LABELS_TOO = frozenset({"severity", "service"})
_MAX_WORDS = 50
_MAX_TAGS = 200


def open_door(options: DoorOptions) -> "JsonDoor":
    """The door for JSON of any shape with these options.

    Raises:
        ConfigError: an option is no way to a value.
    """
    return JsonDoor(options)


class JsonDoor:
    """Understands what anything sends that can send JSON."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options
        self._naming = Naming(options)
        self._reader = JsonReader(options)

    def understand(self, delivery: Delivery) -> Understood:
        """The alerts in a body.

        Raises:
            ConfigError: it is no JSON, or nothing in it tells of an alert.
        """
        body = read_body(_SENDER, delivery.body)
        warnings: list[str] = []
        alerts = tuple(
            self._reader.alert(Telling(self._options, delivery, warnings, self._naming), item, body)
            for item in self._reader.items(body, warnings)
        )
        return Understood(alerts=alerts) if alerts else Understood(unmapped="a list without any alert")


class Words(Struct, frozen=True):
    """Where a state is told, and in which words; without a path, in the field `state`."""

    path: JsonPath | None
    words: frozenset[str]


class JsonReader:
    """Reads alerts out of JSON by a door's options, and where these are silent by the usual names.

    Raises:
        ConfigError: an option is no way to a value.
    """

    def __init__(self, options: DoorOptions) -> None:
        self._paths = {name: parse_path(name, text) for name, text in options.fields.items()}
        if unknown := sorted(set(self._paths) - FIELDS):
            raise ConfigError(f"field {unknown[0]!r} of the door is unknown; use one of {', '.join(sorted(FIELDS))}")
        self._words = {
            state: words
            for state, name, text in (
                (AlertState.RESOLVED, "resolved_when", options.resolved_when),
                (AlertState.ACKNOWLEDGED, "acknowledged_when", options.acknowledged_when),
            )
            if (words := _words(name, text)) is not None
        }
        lists = {path.each for path in self._paths.values()} | {
            words.path.each for words in self._words.values() if words.path is not None
        }
        lists.discard(None)
        if len(lists) > 1:
            raise ConfigError("the door's fields name two lists with []; an alert can stand in one only")
        self._each = next(iter(lists), None)

    def items(self, body: Node, warnings: list[str]) -> Iterator[Node]:
        """What may each be an alert.

        Raises:
            ConfigError: there is none.
        """
        if self._each is not None:
            return listed(follow(body, self._each), warnings)
        if isinstance(body.value, list):
            return listed(body, warnings)
        if not isinstance(body.value, dict):
            body.refuse(f"is {kind_of(body.value)}, neither an object nor a list", "send one JSON object")
        several = None if "title" in self._paths else list_in(body)
        return iter([body]) if several is None else listed(several, warnings)

    def alert(
        self,
        telling: Telling,
        item: Node,
        body: Node,
        *,
        otherwise: Mapping[str, str] | None = None,
        around: Mapping[str, str] | None = None,
        known_by: Iterable[str | None] = (),
    ) -> Alert:
        """One alert.

        Args:
            body: in which a field stands that is told of all of them.
            otherwise: a field's value where neither the options nor the usual names tell it.
            around: labels that come from elsewhere.
            known_by: further names by which the option `services` may know its service.

        Raises:
            ConfigError: nothing in it tells of an alert.
        """
        told = _Told(telling, item, body, self._paths, otherwise or {})
        labels, title = {**(around or {}), **told.labels()}, told.text("title")
        if not title and not labels and not told.text("key"):
            item.refuse("holds no field of an alert", "name where they stand in the door's option fields")
        for name, words in (("url", "link"), ("playbook", "playbook")):
            place, address = told.place(name), told.text(name)
            if name == "playbook":
                telling.playbook(address, place)
            else:
                telling.link(words, address, place)
        service = told.text("service")
        state = self._state(telling, item, body, told.text("state"))
        starts_at, ends_at = telling.instant(told.node("starts_at")), telling.instant(told.node("ends_at"))
        description = told.text("description")
        return telling.alert(
            state=state,
            title=title,
            labels=labels,
            key=told.text("key") or _key(telling, title, service, labels),
            starts_at=starts_at,
            ends_at=ends_at,
            severity=telling.severity([told.text("severity")]),
            service=service,
            known_by=filter(None, known_by),
            description="" if description == title else description,
            group=told.text("group"),
            by=told.text("by") if state is not AlertState.FIRING else "",
        )

    def _state(self, telling: Telling, item: Node, body: Node, word: str) -> AlertState:
        for state, words in self._words.items():
            told = word if words.path is None else scalar_text(_at(words.path, item, body).value) or ""
            if told.strip().casefold() in words.words:
                return state
        if AlertState.RESOLVED in self._words or not word:
            return AlertState.FIRING
        known = state_word(word)
        if known is None:
            telling.warn(f"its state {word[:40]!r} is unknown; it is taken as firing")
        return known or AlertState.FIRING


class _Told:
    """The fields of one alert."""

    def __init__(
        self, telling: Telling, item: Node, body: Node, paths: Mapping[str, JsonPath], otherwise: Mapping[str, str]
    ) -> None:
        self._telling = telling
        self._item = item
        self._body = body
        self._paths = paths
        self._inner = inner(item)
        self._names = [(node, by_folded_name(node)) for node in (self._inner, item)]
        self._otherwise = otherwise
        self._known: dict[str, Node] = {}

    def node(self, field: str) -> Node:
        """Where a field stands; missing where nothing tells it."""
        if field not in self._known:
            self._known[field] = self._found(field)
        return self._known[field]

    def _found(self, field: str) -> Node:
        path = self._paths.get(field)
        if path is not None:
            return _at(path, self._item, self._body)
        told = (guessed(node, field, names) for node, names in self._names)
        found = next((node for node in told if node is not None), None)
        return found or Node(self._item.sender, field, self._otherwise.get(field))

    def text(self, field: str) -> str:
        """A field as text."""
        return self._telling.raw(self.node(field)).strip()

    def place(self, field: str) -> str:
        """The way to a field, for a sentence."""
        return self.node(field).path or field

    def labels(self) -> dict[str, str]:
        """What is said of labels or tags; without those, whatever else is flat and nobody's secret."""
        node = self.node("labels")
        if isinstance(node.value, list):
            return labels_of_tags(scalar_text(one) or "" for one in node.value[:_MAX_TAGS])
        if isinstance(node.value, str):
            return labels_of_tags(node.value.split(",")[:_MAX_TAGS])
        if isinstance(node.value, dict):
            return self._telling.texts(node)
        fields = self._inner.value if isinstance(self._inner.value, dict) else {}
        used = {self.node(field).path for field in NAMES if field not in _LABELS_TOO}
        return {
            name: text
            for name, value in fields.items()
            if (text := scalar_text(value)) and not is_secret(name) and self._inner[name].path not in used
        }


def _at(path: JsonPath, item: Node, body: Node) -> Node:
    if path.constant is not None:
        return Node(item.sender, "", path.constant)
    return follow(item if path.each is not None else body, path.steps)


def _key(telling: Telling, title: str, service: str, labels: Mapping[str, str]) -> str:
    """Of what has no key: its title and service, for its other fields may change with each telling."""
    telling.warn("it has no key: those of the same title and service count as the same alert")
    return fingerprint_of({"title": title, "service": service} if title else labels)


def _words(name: str, text: str | None) -> Words | None:
    """Read `status=ok,closed`, or `ok,closed` of the field `state`.

    Raises:
        ConfigError: it is none.
    """
    if text is None or not text.strip():
        return None
    path, is_somewhere, listed_words = text.rpartition("=")
    words = [word.strip().casefold() for word in listed_words.split(",")][:_MAX_WORDS]
    if (is_somewhere and not path.strip()) or not any(words):
        raise ConfigError(f"{name} of the door is {text[:60]!r}; write a way and words, such as status=ok,closed")
    return Words(parse_path(name, path.strip()) if is_somewhere else None, frozenset(filter(None, words)))
