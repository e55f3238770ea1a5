"""The terminal: commands, and how answers are drawn in it."""
