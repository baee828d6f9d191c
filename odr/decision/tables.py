"""A decision in the making: sealed words that only its mediator can open."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from odr.database import Base

decision_draft = Table(
    "decision_draft",
    Base.metadata,
    Column("dispute_id", String(32), primary_key=True),
    Column("mediator", String(32), primary_key=True),
    Column("wrapped_key", LargeBinary(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
)
"""One row a dispute and mediator, from the first word to the issued decision. Whoever decides next never sees it."""
