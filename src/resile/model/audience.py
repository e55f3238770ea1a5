"""For whom an update is."""

from enum import StrEnum

from resile.model.errors import ConfigError


class Audience(StrEnum):
    """Who reads it; of this depends which words are used and what is told."""

    RESPONDERS = "responders"
    EXECUTIVES = "executives"
    CUSTOMERS = "customers"


def audience_of(words: str) -> Audience:
    """The audience that somebody wrote.

    Raises:
        ConfigError: there is none of that name.
    """
    try:
        return Audience(words.strip().lower())
    except ValueError:
        raise ConfigError(f"there is no audience {words[:40]!r}; write one of {', '.join(Audience)}") from None
