"""Since when this process hears what it is told: what is not heard by one who does not listen is no silence."""

from datetime import datetime, timedelta

# A loop that turns every half second and did not for so long stood still, with the whole process.
_STOOD_STILL = timedelta(seconds=30)


class Listening:
    """Since when. It begins with the process, and anew after it stood still or could not write what it heard.

    Args:
        since: when the process began.

    Attributes:
        since: from then on what was told was heard.
    """

    def __init__(self, since: datetime) -> None:
        self.since = since
        self._turned_at = since

    def turns(self, now: datetime) -> None:
        """To be called at least every few seconds for as long as the process hears."""
        if now - self._turned_at > _STOOD_STILL:
            self.since = now
        self._turned_at = now

    def begin_anew(self, now: datetime) -> None:
        """Until now nothing that it was told could be written."""
        self.since = self._turned_at = now

    def silent_at(self, due_at: datetime, *, heard_at: datetime, patience: timedelta) -> datetime:
        """From when on somebody counts as silent who was heard of last at `heard_at`, and is due at `due_at`.

        Args:
            patience: how long they may take between two signs.
        """
        return due_at if heard_at >= self.since else max(due_at, self.since + patience)
