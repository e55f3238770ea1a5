"""What a chat program says no to, in a word; and what it takes no more of for a while."""

from datetime import datetime, timedelta
from threading import Lock

from resile.ports.channel import RefusedError
from resile.ports.clock import Clock

RATE_LIMITED = "ratelimited"
_MAX_RESTS = 1_000


class WordedRefusalError(RefusedError):
    """A chat program said no, in a word.

    Attributes:
        code: `name_taken`, `is_archived`.
    """

    def __init__(self, sentence: str, code: str, *, is_final: bool, again_in_s: float | None = None) -> None:
        super().__init__(sentence, is_final=is_final, again_in_s=again_in_s)
        self.code = code

    @property
    def is_of_this_alone(self) -> bool:
        """Whether it may well take other calls while it does not take this one."""
        return self.is_final or self.code == RATE_LIMITED


class Rests:
    """What is not asked for until a while has passed. May be used from several threads.

    Args:
        error: which refusal it is.
    """

    def __init__(self, clock: Clock, provider: str, error: type[WordedRefusalError] = WordedRefusalError) -> None:
        self._clock = clock
        self._provider = provider
        self._error = error
        self._lock = Lock()
        self._until: dict[tuple[str, str], datetime] = {}

    def rest(self, which: tuple[str, str], for_s: float) -> WordedRefusalError:
        """Let it rest; the refusal that says so."""
        with self._lock:
            if len(self._until) >= _MAX_RESTS:
                self._until.clear()
            self._until[which] = self._clock.now() + timedelta(seconds=for_s)
        return self._refusal(which, for_s)

    def check(self, which: tuple[str, str]) -> None:
        """Let pass what does not rest.

        Raises:
            WordedRefusalError: it does.
        """
        with self._lock:
            until = self._until.get(which)
        left_s = 0.0 if until is None else (until - self._clock.now()).total_seconds()
        if left_s > 0:
            raise self._refusal(which, left_s)

    def _refusal(self, which: tuple[str, str], for_s: float) -> WordedRefusalError:
        words = f"{self._provider} answered 429: it takes no more {which[0]} for {for_s:.0f} s"
        return self._error(words, RATE_LIMITED, is_final=False, again_in_s=for_s)


def asked_rest_s(text: str, otherwise: float) -> float:
    """What Retry-After asks for, in seconds."""
    return float(text[:6]) if text.isascii() and text.isdigit() else otherwise
