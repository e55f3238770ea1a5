"""Doors out: each hands messages to one kind of provider."""
