"""What a step of a playbook may run: one kind per file."""
