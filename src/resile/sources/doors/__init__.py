"""Doors in for deliveries as they happen: what each sender's body says, as commits and reports. Pure."""
