"""What Alembic runs; the connection and its transaction are handed in by stores/engine.py."""

from alembic import context

from resile.stores.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
