"""The few kinds of failure that resile tells apart; each message says the subject, the fact and the way out."""


class ResileError(Exception):
    """Anything that resile refuses or cannot do, with a sentence meant for the person who asked."""


class ConfigError(ResileError):
    """What the user gave cannot be used: a setting, a mapping, a filter, a file."""


class TransitionError(ResileError):
    """The command does not fit the incident's present state."""


class ConflictError(ResileError):
    """Somebody else appended first; read again and decide again."""


class DeliveryError(ResileError):
    """A message could not be handed to its channel."""


class StoreError(ResileError):
    """The place where things rest is locked, read-only, full, damaged or of a newer version."""


class AccessError(ResileError):
    """Who asks is unknown, or may not do this."""
