"""The contact book in memory: a whole ContactBook for tests, that keeps nothing when it is gone."""

import threading

from msgspec.structs import replace

from resile.ports.contact_book import Check, Verified


class MemoryContactBook:
    """The ContactBook in memory."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._verified: dict[tuple[str, str], Verified] = {}
        self._checks: dict[tuple[str, str], Check] = {}

    def verified(self, person: str | None = None) -> list[Verified]:
        """What was proven last of each contact, of one person or of all."""
        with self._guard:
            return [one for key, one in sorted(self._verified.items()) if person is None or key[0] == person]

    def verify(self, verified: Verified) -> None:
        """Note it in place of what was proven before of that contact."""
        with self._guard:
            self._checks.pop((verified.person, verified.contact), None)
            self._verified[verified.person, verified.contact] = verified

    def forget(self, person: str, contact: str) -> bool:
        """Take a contact for proven no longer."""
        with self._guard:
            return self._verified.pop((person, contact), None) is not None

    def begin(self, check: Check) -> None:
        """Await a code; an earlier one of that contact holds no longer."""
        with self._guard:
            self._checks[check.person, check.contact] = check

    def check(self, person: str, contact: str) -> Check | None:
        """The code that is awaited, however old."""
        with self._guard:
            return self._checks.get((person, contact))

    def count_try(self, check: Check, *, most: int) -> bool:
        """Count a try of this very code before it is looked at."""
        with self._guard:
            key = (check.person, check.contact)
            known = self._checks.get(key)
            if known is None or (known.salt, known.code_digest) != (check.salt, check.code_digest):
                return False
            if known.n_tries >= most:
                return False
            self._checks[key] = replace(known, n_tries=known.n_tries + 1)
            return True
