"""What a replay asks the house for: the mediators whom it can draw from, and the checkpoint that a draw goes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from odr.disputes.records import stream_of
from odr.kernel import Refused
from odr.log.note import read_checkpoint
from odr.log.tables import checkpoint, leaf
from odr.people.tables import mediator
from odr.procedure.dispute import Dispute

Facts = Mapping[str, Any]


def count_mediators(connection: Connection) -> int:
    """How many mediators can be drawn at all."""
    return connection.scalar(select(func.count()).select_from(mediator).where(mediator.c.ended_at.is_(None))) or 0


def pool_of(connection: Connection, dispute: Dispute) -> Facts:
    """From whom one can be drawn: every mediator of the house.

    A replay looks at nobody's languages, ties and load: those are of today, and its disputes are of their own days.
    """
    names = connection.scalars(select(mediator.c.id).where(mediator.c.ended_at.is_(None)).order_by(mediator.c.id))
    return {"pool": tuple(names)}


def checkpoint_over_pool(connection: Connection, dispute: Dispute) -> Facts:
    """Size and root of the first checkpoint that covers the entry by which the pool was fixed. Refused when none does
    so yet."""
    version = dispute.draw.version if dispute.draw else 0
    note = first_checkpoint_over(connection, dispute.id, version)
    if note is None:
        raise Refused("no_checkpoint")
    seen = read_checkpoint(note.partition(b"\n\n")[0] + b"\n")
    return {"size": seen.size, "root": seen.root.hex()}


def first_checkpoint_over(connection: Connection, dispute_id: str, version: int) -> bytes | None:
    """The note of the first checkpoint that covers an entry of a dispute, None while it waits for its seal."""
    stream = stream_of(dispute_id)
    place = select(leaf.c.position).where(leaf.c.stream == stream, leaf.c.ver == version).scalar_subquery()
    query = select(checkpoint.c.note).where(checkpoint.c.size > place).order_by(checkpoint.c.number).limit(1)
    note: bytes | None = connection.scalar(query)
    return note
