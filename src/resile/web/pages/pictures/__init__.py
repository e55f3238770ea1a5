"""Geometry of the pictures: from reports to coordinates that the templates only have to write down."""
