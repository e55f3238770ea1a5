"""What is served, ready as bytes: bodies with their headers, plain and compressed."""

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime

from msgspec import Struct

Headers = tuple[tuple[bytes, bytes], ...]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
# A cache before us may keep a page for so long, and show it for longer where we do not answer: a minute in all, for
# what it shows says nothing of its age.
FRESH = "public, max-age=10, stale-if-error=50"
# The name of such a file changes with its content.
FOR_EVER = "public, max-age=31536000, immutable"
UNCACHED = "no-store"
_SMALLEST = 400
_LEVEL = 6


class Ready(Struct, frozen=True):
    """An answer as it leaves.

    Attributes:
        tags: the entity tags by which a reader may already have it.
        headers, body: as it is sent to whoever takes no compression; `zipped_headers`, `zipped` to others.
        unchanged: the headers of a 304.
        modified_at: when its bytes changed last, in whole seconds.
        is_date_sure: within that second nothing else was served, so that the date tells what a reader has.
    """

    tags: frozenset[bytes]
    modified_at: datetime
    is_date_sure: bool
    headers: Headers
    body: bytes
    zipped_headers: Headers
    zipped: bytes
    unchanged: Headers
    zipped_unchanged: Headers


def ready(
    body: bytes,
    content_type: str,
    *,
    modified_at: datetime,
    is_date_sure: bool = True,
    cached: str = FRESH,
    for_all: bool = False,
    secure: bool,
) -> Ready:
    """An answer with everything that its readers may ask for.

    Args:
        is_date_sure: as `Ready.is_date_sure`.
        for_all: pages of other sites may read it with their scripts.
        secure: it is reached by https.
    """
    tag = hashlib.sha256(body).hexdigest()[:20]
    plain, small = f'"{tag}"'.encode(), f'"{tag}-gzip"'.encode()
    common = [
        *HEADERS.items(),
        ("cache-control", cached),
        ("last-modified", format_datetime(modified_at, usegmt=True)),
        ("vary", "Accept-Encoding"),
        ("cross-origin-resource-policy", "cross-origin" if for_all else "same-origin"),
        *([("access-control-allow-origin", "*")] if for_all else []),
        *([("strict-transport-security", "max-age=31536000")] if secure else []),
    ]
    shared = _raw(common)
    kind = (b"content-type", content_type.encode())
    # Without the time of compression in it, so that the same page is the same bytes after a restart.
    zipped = gzip.compress(body, _LEVEL, mtime=0) if len(body) >= _SMALLEST else body
    encoding = ((b"content-encoding", b"gzip"),) if zipped is not body else ()
    return Ready(
        tags=frozenset({plain, small}),
        modified_at=modified_at.replace(microsecond=0),
        is_date_sure=is_date_sure,
        headers=(*shared, kind, (b"etag", plain), _length(body)),
        body=body,
        zipped_headers=(*shared, kind, *encoding, (b"etag", small if encoding else plain), _length(zipped)),
        zipped=zipped,
        unchanged=(*shared, (b"etag", plain)),
        zipped_unchanged=(*shared, (b"etag", small if encoding else plain)),
    )


def uncached(body: bytes, content_type: str, *, secure: bool, more: Iterable[tuple[str, str]] = ()) -> Headers:
    """The headers of an answer that is for one reader alone."""
    hsts = [("strict-transport-security", "max-age=31536000")] if secure else []
    given = [*HEADERS.items(), ("cache-control", UNCACHED), ("cross-origin-resource-policy", "same-origin")]
    return (*_raw([*given, *hsts, *more]), (b"content-type", content_type.encode()), _length(body))


def _raw(headers: Iterable[tuple[str, str]]) -> Headers:
    return tuple((name.encode(), value.encode()) for name, value in headers)


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()
