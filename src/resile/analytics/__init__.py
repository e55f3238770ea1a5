"""Timelines to numbers with their uncertainty; definitions are in docs/reference/measures.md."""
