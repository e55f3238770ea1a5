"""How what a step writes begins and ends: all of it is read, little of it is kept."""

from collections import deque

from resile.ports.runner import EDGE_BYTES


class KeptOutput:
    """The beginning and the end of what comes, in bounded memory, however much comes.

    Args:
        shown_bytes: how much will be shown in all; what is kept is more, so that secrets at the edges are seen whole.
    """

    def __init__(self, shown_bytes: int) -> None:
        self._most = shown_bytes + EDGE_BYTES
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._n_tail = 0
        self.n_bytes = 0

    def take(self, piece: bytes) -> None:
        """The next piece of it."""
        self.n_bytes += len(piece)
        room = self._most - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        if not piece:
            return
        piece = piece[-self._most :]
        self._tail.append(piece)
        self._n_tail += len(piece)
        while self._n_tail - len(self._tail[0]) >= self._most:
            self._n_tail -= len(self._tail.popleft())

    @property
    def head(self) -> bytes:
        """How it begins."""
        return bytes(self._head)

    @property
    def tail(self) -> bytes:
        """How it ends, after the head."""
        return b"".join(self._tail)[-self._most :]
