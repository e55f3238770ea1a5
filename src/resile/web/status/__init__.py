"""The public status page: rendered beforehand, served from memory, in a process of its own."""
