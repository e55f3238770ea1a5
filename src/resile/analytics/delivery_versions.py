"""Versions as people write them, read many at once: which of them is a patch of which."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from resile.analytics.coded import Coded
from resile.analytics.ordered import Bools, Ints
from resile.analytics.threads import share

# The shortest beginning that is followed by numbers with points between; what comes after is the ending.
_SHAPE = (
    r"^(?P<prefix>.*?)(?P<major>\d{1,9})\.(?P<minor>\d{1,9})(?:\.(?P<third>\d{1,9}))?(?:\.(?P<fourth>\d{1,9}))?"
    r"(?P<ending>.*)$"
)
_POST = r"^[.\-_]?post(?P<post>\d{1,9})$"
_BUILD = r"^\+.*$"
_NOTHING = -1
_N_PIECE = 20_000


class Versions(Struct, frozen=True):
    """A column of versions, taken apart.

    Attributes:
        minors: number of the minor version (prefix, major and minor number) that each belongs to; -1 where the text is
            no version or a pre-release.
        patches: place within the minor version: of two of the same minor, the greater one patches the other.
        months, days: second and third number, for telling a date from a version.
        is_hotfix: its name says so, e.g. `1.2.3-hotfix.1`.
    """

    minors: Ints
    patches: Ints
    months: Ints
    days: Ints
    is_hotfix: Bools

    def taken(self, rows: Ints) -> "Versions":
        """The versions at these places."""
        return Versions(self.minors[rows], self.patches[rows], self.months[rows], self.days[rows], self.is_hotfix[rows])


def versions_of(column: Coded) -> Versions:
    """Semantic versions, calendar versions and whatever else has two to four numbers with points between.

    `v` before the numbers means nothing, other prefixes (`shop-v1.2.3`) part one line of versions from another. Two
    numbers are a minor version without a patch, so `1.2.1` patches `1.2`; a fourth number and Python's `.post1` patch
    the third. What follows a plus sign is a build of the same version. Any other ending makes a pre-release
    (`-rc.1`, `b2`, `.dev3`, a commit as `git describe` appends it), which is nobody's patch.
    """
    texts = pa.array(column.values, pa.string())
    if not len(texts) or texts.null_count == len(texts):
        nothing = np.full(len(column.codes), _NOTHING)
        return Versions(nothing, nothing, nothing, nothing, np.zeros(len(column.codes), dtype=np.bool_))
    parts = _in_parts(pc.utf8_lower(texts))
    prefix, ending = (pc.struct_field(parts, name) for name in ("prefix", "ending"))
    numbers = {name: _number(pc.struct_field(parts, name)) for name in ("major", "minor", "third", "fourth")}
    post = pc.extract_regex(ending, _POST)
    post_number = _number(pc.struct_field(post, "post"))
    is_full = _true(pc.equal(ending, "")) | _true(pc.match_substring_regex(ending, _BUILD)) | (post_number >= 0)
    line = pc.dictionary_encode(pc.replace_substring_regex(prefix, r"v$", "")).indices
    minors = _numbered([_or_nothing(line), numbers["major"], numbers["minor"]])
    third, fourth = (np.maximum(numbers[name], 0) for name in ("third", "fourth"))
    return Versions(
        minors=np.where(is_full, minors, _NOTHING),
        # At most 30 bits each for the third and for what patches it.
        patches=(third << 31) + np.maximum(fourth, post_number + 1),
        months=numbers["minor"],
        days=numbers["third"],
        is_hotfix=_true(pc.match_substring_regex(pc.utf8_lower(texts), r"hot-?fix")),
    ).taken(column.codes)


def _number(text: pa.Array) -> Ints:
    """Numbers written out; -1 where there is none."""
    return _or_nothing(pc.if_else(pc.equal(text, ""), None, text))


def _or_nothing(column: pa.Array) -> Ints:
    numbers: Ints = pc.fill_null(pc.cast(column, pa.int64()), _NOTHING).to_numpy(zero_copy_only=False)
    return numbers


def _true(column: pa.Array) -> Bools:
    marks: Bools = pc.fill_null(column, False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - Arrow takes a value
    return marks


def _in_parts(texts: pa.Array) -> pa.Array:
    """The groups of the shape, of which there may be a million; worked on by all threads."""
    pieces = share(lambda start: pc.extract_regex(texts.slice(start, _N_PIECE), _SHAPE), range(0, len(texts), _N_PIECE))
    return pa.concat_arrays(pieces)


def _numbered(columns: Sequence[Ints]) -> Ints:
    """Which combination of values, none below -1, each row has, numbered in their order from 0."""
    found, n_possible = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        size = int(column.max()) + 2
        if n_possible * size >= 1 << 63:
            # Those that occur are far fewer than what is possible.
            _, found = np.unique(found, return_inverse=True)
            n_possible = int(found.max()) + 1
        found = found * size + column + 1
        n_possible *= size
    _, numbers = np.unique(found, return_inverse=True)
    return numbers
