"""What a replay asks the house for: the mediators whom its disputes are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from odr.people.tables import mediator
from odr.procedure.dispute import Dispute


def count_mediators(connection: Connection) -> int:
    """How many mediators can be drawn at all."""
    return connection.scalar(select(func.count()).select_from(mediator).where(mediator.c.ended_at.is_(None))) or 0


def pool_of(connection: Connection, dispute: Dispute) -> Mapping[str, Any]:
    """From whom one is drawn in a replay: every mediator of the house whose mandate was not ended.

    Load and ties are not looked at, as they are for live disputes: they follow from other disputes, and what one line
    comes to must not depend on another.
    """
    names = connection.scalars(select(mediator.c.id).where(mediator.c.ended_at.is_(None)).order_by(mediator.c.id))
    return {"pool": tuple(names)}
