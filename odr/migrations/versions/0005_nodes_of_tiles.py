"""The nodes above the hashes of each full tile, so that a proof has nothing to compute.

The release before cannot store new tiles in these tables: its worker fails at the next full tile, and what waits for a
place waits for a worker of this release. Nothing is lost, and no tile is left without its nodes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from odr.log.proof import HASH_SIZE, TILE_WIDTH, inner_nodes
from odr.log.tables import guard, tile

revision = "0005"
down_revision = "0004"

AT_ONCE = 500


def upgrade() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    # The guards against changing a tile step aside for this one filling, and stand again when it commits.
    for trigger in ("tile_no_update", "tile_no_delete") if sqlite else ("tile_append_only",):
        op.execute(f"DROP TRIGGER {trigger}" + ("" if sqlite else " ON tile"))
    op.add_column("tile", sa.Column("nodes", sa.LargeBinary(), nullable=True))
    _fill(connection)
    with op.batch_alter_table("tile") as batch:
        batch.alter_column("nodes", existing_type=sa.LargeBinary(), nullable=False)
    guard(tile, connection)


def _fill(connection: sa.Connection) -> None:
    held = sa.table("tile", *(sa.column(name) for name in ("level", "number", "hashes", "nodes")))
    query = sa.select(held.c.level, held.c.number, held.c.hashes).where(held.c.nodes.is_(None)).limit(AT_ONCE)
    fill = (
        sa.update(held)
        .where(held.c.level == sa.bindparam("of_level"), held.c.number == sa.bindparam("of_number"))
        .values(nodes=sa.bindparam("filled"))
    )
    while rows := connection.execute(query).all():
        connection.execute(
            fill,
            [{"of_level": row.level, "of_number": row.number, "filled": _nodes(bytes(row.hashes))} for row in rows],
        )


def _nodes(hashes: bytes) -> bytes:
    if len(hashes) != TILE_WIDTH * HASH_SIZE:
        # Somebody did something to this tile; `odr verify` names it, and the house can be opened for that.
        return b""
    return b"".join(inner_nodes([hashes[start : start + HASH_SIZE] for start in range(0, len(hashes), HASH_SIZE)]))
