"""resile: shortens the time to restore service, and measures it honestly."""

__version__ = "0.1.0"
