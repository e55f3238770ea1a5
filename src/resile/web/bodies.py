"""The raw body of a request that is signed as a whole, within a size and a time."""

import asyncio

from starlette.requests import Request

WITHIN_S = 10


class BodyError(Exception):
    """It is too large, or took too long.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


async def read_body(request: Request, *, most_bytes: int, what: str) -> bytes:
    """The body.

    Args:
        what: it is, for the sentence where it is too large: `receipt`.

    Raises:
        BodyError: it has more bytes, or does not come.
        ClientDisconnect: whoever sent it is gone.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(WITHIN_S):
            async for piece in request.stream():
                body += piece
                if len(body) > most_bytes:
                    raise BodyError(413, f"the body has more than {most_bytes:,} bytes; no {what} is so long")
    except TimeoutError:
        raise BodyError(408, f"the body took longer than {WITHIN_S} s; send it again") from None
    return bytes(body)
