"""Inputs within requests and questions: `$name` and `${name}`, quoted as the place wants it, so that they stay there.

A program gets its inputs as its environment. An address, a header, JSON, PromQL and SQL have no such thing; in them a
value is put where its name stands, in a form in which it can end nothing that stands around it.
"""

import html
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote, quote_plus

from resile.ports.runner import StepRefusedError

_NAMED = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_OF_PATTERNS = re.compile(r"[\\.+*?()|\[\]{}^$]")


def filled(text: str, given: Mapping[str, str], quoted: Callable[[str], str]) -> str:
    """A text with each `$name` replaced by what it stands for, quoted; `$$` stands for one `$`.

    Raises:
        StepRefusedError: nothing of that name is given, or its value cannot stand there.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return "$" if name is None else quoted(value_of(name, given))

    return _NAMED.sub(value, text)


def value_of(name: str, given: Mapping[str, str]) -> str:
    """What a name stands for.

    Raises:
        StepRefusedError: nothing.
    """
    if name not in given:
        raise StepRefusedError(f"the step speaks of ${name[:64]}, which is no input of the playbook; write $$ for a $")
    return given[name]


def names_in(text: str) -> list[str]:
    """The names that a text speaks of."""
    return [found[1] or found[2] for found in _NAMED.finditer(text) if found[1] or found[2]]


def in_address(value: str) -> str:
    """As one piece of a path or of a query."""
    if value in {".", ".."}:
        raise StepRefusedError(f"{value!r} in an address would lead elsewhere; it is not asked")
    return quote(_whole(value), safe="")


def in_header(value: str) -> str:
    """As a part of a header's value."""
    if _CONTROLS.search(value):
        raise StepRefusedError("a line break or another control character cannot stand in a header; it is not asked")
    return value


def in_json(text: str, given: Mapping[str, str]) -> str:
    """JSON with its inputs, which stand between quotation marks, or elsewhere where they are numbers.

    Raises:
        StepRefusedError: one stands elsewhere and is none, or is unknown.
    """
    told, at = [], 0
    for said in _JSON_TEXTS.finditer(text):
        told.append(filled(text[at : said.start()], given, _number_in_json))
        told.append(filled(said[0], given, lambda value: json.dumps(value)[1:-1]))
        at = said.end()
    return "".join([*told, filled(text[at:], given, _number_in_json)])


_JSON_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:[eE][-+]?\d{1,3})?", re.ASCII)


def _number_in_json(value: str) -> str:
    if not _JSON_NUMBER.fullmatch(value):
        raise StepRefusedError('a value that is no number must stand between quotation marks in JSON, as in "$name"')
    return value


def in_xml(value: str) -> str:
    """In a text of XML, or between the quotation marks of an attribute."""
    return html.escape(_whole(value))


def in_nothing_known(value: str) -> str:
    """In a form of which nobody here knows what a value would mean there.

    Raises:
        StepRefusedError: always.
    """
    raise StepRefusedError(
        f"an input of {len(value)} characters cannot be quoted for this content-type; "
        "send JSON, XML, a form or plain text"
    )


def in_form(value: str) -> str:
    """As a value of a form."""
    return quote_plus(_whole(value))


def as_it_is(value: str) -> str:
    """In a text without a form."""
    return value


def in_promql(query: str, given: Mapping[str, str]) -> str:
    """A question in PromQL with its inputs, which may stand between quotation marks alone.

    In a matcher by pattern (`=~`) a value stands for itself, not for what it would mean as a pattern.

    Raises:
        StepRefusedError: an input stands elsewhere, or is unknown.
    """
    told, at = [], 0
    for text in _TEXTS.finditer(query):
        told.append(_without_names(query[at : text.start()]))
        at = text.end()
        if text[0].startswith("#"):
            continue  # A comment: marks in it begin no text, and who reads it is not Prometheus.
        is_pattern = query[: text.start()].rstrip().endswith(("=~", "!~"))
        mark = text[0][0]
        told.append(filled(text[0], given, partial(_in_promql_text, mark=mark, is_pattern=is_pattern)))
    told.append(_without_names(query[at:]))
    return "".join(told)


# Comments and texts of PromQL, of which those in grave accents know no escapes.
_TEXTS = re.compile(r'#[^\n]*|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`', re.DOTALL)


def _without_names(outside: str) -> str:
    for name in names_in(outside):
        raise StepRefusedError(f'${name} must stand between quotation marks in PromQL, as in service="${name}"')
    return outside.replace("$$", "$")


def _in_promql_text(value: str, *, mark: str, is_pattern: bool) -> str:
    meant = _OF_PATTERNS.sub(r"\\\g<0>", value) if is_pattern else value
    if mark == "`":
        if "`" in meant:
            raise StepRefusedError('a value with a grave accent cannot stand between them; write "$name"')
        return meant
    # Only the mark that stands around it may be escaped.
    parts = meant.split('"') if mark == "'" else [meant]
    told = '"'.join(json.dumps(part, ensure_ascii=False)[1:-1] for part in parts)
    return told.replace("'", "\\x27") if mark == "'" else told


def in_sql(query: str, names: Mapping[str, str], placeholder: Callable[[str], str]) -> tuple[str, dict[str, str]]:
    """A question in SQL in which placeholders stand for its inputs, and what is to be bound to them.

    Raises:
        StepRefusedError: an input stands within a text, where it could not be bound, or is unknown.
    """
    bound: dict[str, str] = {}
    told, at = [], 0
    for text in _SQL_TEXTS.finditer(query):
        told.append(_bound(query[at : text.start()], names, placeholder, bound))
        for name in () if text[0].startswith(("--", "/*")) else names_in(text[0]):
            raise StepRefusedError(
                f"${name} must not stand between quotation marks in SQL; write = ${name} without them"
            )
        told.append(text[0])
        at = text.end()
    told.append(_bound(query[at:], names, placeholder, bound))
    return "".join(told), bound


_SQL_TEXTS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def _bound(outside: str, names: Mapping[str, str], placeholder: Callable[[str], str], bound: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name is None:
            return "$"
        bound[name] = value_of(name, names)
        return placeholder(name)

    return _NAMED.sub(value, outside)


def _whole(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise StepRefusedError("an input holds half a character, which no address can hold; it is not asked") from None
    return value
