"""Protocols only: what the use cases need from the outside."""
