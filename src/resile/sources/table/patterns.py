"""Regular expressions of mapping files: whoever writes one cannot make an import take for ever, nor stop the server.

RE2 searches in time that grows with the text and the pattern, never with the number of ways in which they may fit; in
exchange it knows no look-around and no references back.
"""

from collections.abc import Callable

import re2

# The product of the two is what one cell can cost: about a seventh of a second.
MAX_STEPS = 2_000
SEARCHED_CHARS = 10_000
_MEMORY_BYTES = 1 << 20
_BEYOND = {
    "(?=": "looks ahead",
    "(?!": "looks ahead",
    "(?<=": "looks behind",
    "(?<!": "looks behind",
    "(?>": "holds an atomic group",
    "(?(": "holds a condition",
}


class PatternError(ValueError):
    """A pattern that cannot be used; the message is the sentence's second half."""


def finder(pattern: str) -> Callable[[str], bool]:
    """Whether the pattern is found in a text's first 10,000 characters; letters' case does not count.

    Raises:
        PatternError: it is no pattern, or one that is not known here.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        compiled = re2.compile(pattern.encode("utf-8", "replace"), options)
    except re2.error as error:
        raise PatternError(_why(pattern, error)) from None
    if compiled.programsize > MAX_STEPS:
        raise PatternError(f"has {compiled.programsize:,} steps where {MAX_STEPS:,} are the most; shorten it")
    search = compiled.search

    def is_found_in(text: str) -> bool:
        # The mark keeps `$` from being found where a text was only cut.
        searched = text if len(text) <= SEARCHED_CHARS else f"{text[:SEARCHED_CHARS]}…"
        return search(searched.encode("utf-8", "replace")) is not None

    return is_found_in


def _why(pattern: str, error: Exception) -> str:
    beyond = next((what for sign, what in _BEYOND.items() if sign in pattern), None)
    if beyond is not None:
        return f"{beyond}, which is not known here; write it without, or use equals"
    said = error.args[0] if error.args else error
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return f"cannot be read ({words}); correct it (a pattern is as RE2 has it: no look-around, no references back)"
