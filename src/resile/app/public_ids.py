"""Names under which the public knows things: short, always the same, and telling nothing of how many there are."""

import base64
import hashlib
import hmac
from collections.abc import Callable

N_CHARACTERS = 12


class PublicIds:
    """Makes them, with the key of the data folder: whoever lacks it can neither read them back nor guess the next.

    Args:
        key: the key; as long as it stays, they do.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key
        self._known: bytes | None = None

    def page(self) -> str:
        """Of the page itself."""
        return self._of("page")

    def incident(self, incident_id: str) -> str:
        """Of an incident."""
        return self._of("incident", incident_id)

    def update(self, incident_id: str, event_id: str) -> str:
        """Of one of its updates."""
        return self._of("update", incident_id, event_id)

    def component(self, name: str) -> str:
        """Of a component."""
        return self._of("component", name)

    def group(self, name: str) -> str:
        """Of a group of components."""
        return self._of("group", name)

    def maintenance(self, window_id: str) -> str:
        """Of a maintenance window."""
        return self._of("maintenance", window_id)

    def _of(self, *parts: str) -> str:
        if self._known is None:
            self._known = self._key()
        # Lengths first, so that no two lists of parts are the same bytes.
        said = "".join(f"{len(part)}:{part}" for part in ("status page", *parts)).encode(errors="surrogatepass")
        digest = hmac.digest(self._known, said, hashlib.sha256)
        return base64.b32encode(digest).decode().lower()[:N_CHARACTERS]
