"""Whether a body is JSON; where it is not, the line and column."""

import re

import msgspec

from resile.model.errors import ConfigError
from resile.sources.doors.mending import decoded

_PLACE = re.compile(r"^(.*) \(byte (\d+)\)$")


def check_json(subject: str, body: bytes) -> None:
    """Look through the whole body without making anything of it.

    Raises:
        ConfigError: it is no JSON in UTF-8; names the place.
    """
    try:
        body.decode()
        # A byte order mark is none of JSON, but some senders write it.
        decoded(body.removeprefix(b"\xef\xbb\xbf"), msgspec.Raw)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{subject}: the body is not UTF-8 at {_place(body, error.start)}; send it as UTF-8"
        ) from None
    except RecursionError:
        raise ConfigError(f"{subject}: the body is nested too deeply; send it flatter") from None
    except msgspec.DecodeError as error:
        found = _PLACE.match(str(error))
        where, what = (int(found[2]), found[1]) if found else (len(body), str(error))
        what = what.removeprefix("JSON is malformed: ")
        raise ConfigError(
            f"{subject}: the body is malformed JSON at {_place(body, where)}: {what}; send JSON as RFC 8259 has it"
        ) from None


def _place(body: bytes, at: int) -> str:
    """The place of a byte, as an editor counts."""
    before = body[:at].decode(errors="replace")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
