"""Tables of any making, read by a mapping file that says which column is what."""
