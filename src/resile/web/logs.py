"""Where the log goes: JSON lines on standard error."""

import contextlib
import logging
import sys

import msgspec
import structlog


def log_to_stderr() -> None:
    """Log as JSON lines on standard error, or readably where that is a terminal."""
    # Tracebacks without the values of variables: one of them may be a password.
    written: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if sys.stderr.isatty()
        else [structlog.processors.format_exc_info, _as_json]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *written,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    # web/errors.py has logged it already, with the address at which it happened.
    logging.getLogger("uvicorn.error").addFilter(_is_no_repetition)


def _as_json(logger: object, name: str, event: structlog.typing.EventDict) -> str:
    """One line, in ASCII whatever the terminal is; what is not plain goes the slower way."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        line = msgspec.json.encode(event).decode()
        if line.isascii():
            return line
    return str(_SLOWER(logger, name, event))


_SLOWER = structlog.processors.JSONRenderer(sort_keys=False)


def _is_no_repetition(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Exception in ASGI application")
