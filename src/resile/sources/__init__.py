"""Doors in: one format each."""
