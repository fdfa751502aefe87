"""Runs the migrations of one branch on the connection that :func:`aver.store.migration.migrate` hands over."""

from alembic import context

attributes = context.config.attributes
context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
context.run_migrations()
