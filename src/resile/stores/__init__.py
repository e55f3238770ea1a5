"""Where things rest: SQLite, PostgreSQL, Parquet."""
