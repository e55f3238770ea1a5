"""Doors for deliveries: who may knock, and what they are answered."""
