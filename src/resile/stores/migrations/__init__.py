"""Steps from one shape of the database to the next, up and down; run by stores/engine.py through Alembic.

A file in versions/ is named by its revision: four digits, then what it adds.
"""
