"""How Alembic runs here: on the connection it is handed, in that connection's transaction, and on our tables only."""

from __future__ import annotations

from alembic import context

from odr.database import Base


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    # A database may hold the tables of others; a draft must not propose to drop them.
    return kind != "table" or name in Base.metadata.tables


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    include_name=_ours,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
