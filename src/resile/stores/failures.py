"""What a database or a disk says when it fails, told as one sentence: the subject, the fact, the way out."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from resile.model.errors import StoreError

# By the beginning of SQLite's name for the error.
_SQLITE = {
    "SQLITE_BUSY": "is locked by another process; wait until that one is done, or end it, and try again",
    "SQLITE_LOCKED": "is locked by another process; wait until that one is done, or end it, and try again",
    "SQLITE_READONLY": "is read-only; give this user the right to write to it and to its folder",
    "SQLITE_FULL": "cannot grow, the disk is full; free some space and try again, nothing was written",
    "SQLITE_IOERR": "could not be read or written, the disk refused; check its free space, limits and health",
    "SQLITE_CANTOPEN": "cannot be opened; check that its folder exists and that this user may read and write there",
    "SQLITE_PERM": "cannot be opened; check that its folder exists and that this user may read and write there",
    "SQLITE_NOTADB": "is no SQLite database; move that file away, or give another data folder with --data",
    "SQLITE_CORRUPT": "is damaged; put back a backup, or save what can be read with `sqlite3 FILE .recover`",
}
# By SQLSTATE, or its class of two characters.
_POSTGRESQL = {
    "53100": "cannot grow, its disk is full; free some space there and try again, nothing was written",
    "53": "is out of resources; give the server more connections, memory or disk, and try again",
    "55P03": "is locked by another process; wait until that one is done, and try again",
    "57014": "took longer than the server allows; raise its statement_timeout or lock_timeout, and try again",
    "25006": "is read-only; connect to the primary server in database_url",
    "42501": "does not let this user do that; grant it the right to create and write tables",
    "3D000": "does not exist; create it with `createdb`, or correct database_url",
    "28": "refused the user or password; correct database_url",
    "08": "cannot be reached; start the server, or correct database_url",
    "57": "is shutting down or starting; wait until the server is up, and try again",
    "XX": "is damaged; look into the server's log",
}
_OS = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EFBIG: "the file would be larger than this process may write; raise its limit (ulimit -f)",
    errno.EROFS: "the disk is read-only; give another folder with --data",
    errno.EACCES: "this user may not; change its permissions, or give another folder with --data",
    errno.EPERM: "this user may not; change its permissions, or give another folder with --data",
    errno.ENOTDIR: "a part of its path is a file; give another folder with --data",
}


@contextmanager
def told_as_store_error(name: str) -> Iterator[None]:
    """Turn every failure of the database called `name` into a StoreError; IntegrityError is left to who wrote.

    Raises:
        StoreError: the database failed.
    """
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeoutError:
        raise StoreError(f"{name} has too many readers at once; try again in a moment") from None
    except DBAPIError as error:
        raise StoreError(f"{name} {_said(error.orig)}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{name} {_said(error)}") from error


def _said(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorname", None)
    for beginning, sentence in _SQLITE.items():
        if code is not None and code.startswith(beginning):
            return sentence
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2]) or f"failed ({_first_line(error)}); see its log"
    if code is None and type(error).__name__ in {"OperationalError", "ConnectionTimeout"}:
        return f"{_refusal(_first_line(error))} ({_first_line(error)})"
    return f"failed ({_first_line(error)}); this should not happen, please report it"


def _refusal(said: str) -> str:
    """PostgreSQL's client gives no SQLSTATE for a connection that never came to be; its words must do."""
    if "password" in said or "authentication" in said or "role" in said:
        return _POSTGRESQL["28"]
    if "does not exist" in said and "database" in said:
        return _POSTGRESQL["3D000"]
    return _POSTGRESQL["08"]


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def told_of_file(subject: str, error: OSError) -> StoreError:
    """The StoreError for a failed use of a file or folder: `subject` says which and what was tried."""
    known = _OS.get(error.errno or 0)
    return StoreError(f"{subject}: {known or f'{error.strerror or error}; check the disk and its permissions'}")
