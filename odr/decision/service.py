"""A decision in the making: kept with every step of its form, and copied while it is being typed."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from odr.database import write_unit
from odr.decision import drafts
from odr.decision.drafts import Draft, Typed
from odr.house import House


def read_draft(house: House, dispute_id: str, mediator: str) -> Draft:
    """What this mediator has written so far on this dispute."""
    with house.engine.connect() as connection:
        return drafts.open_draft(connection, house, dispute_id, mediator)


def keep_draft(house: House, dispute_id: str, mediator: str, typed: Typed) -> None:
    """Keep what was sent with the form, right or wrong."""
    kept = Draft(dispute_id, mediator, typed, saved_at=house.clock())
    write_unit(house.engine, lambda connection: drafts.save_draft(connection, house, kept))


def copy_draft(house: House, dispute_id: str, mediator: str, typed: Typed, *, seen: int) -> bool:
    """Keep what is just being typed in a page of the instant `seen`; answers whether it was kept.

    A copy that arrives after the form itself was sent must not put older words in the place of newer ones.
    """

    def unit(connection: Connection) -> bool:
        before = drafts.open_draft(connection, house, dispute_id, mediator, lock=True)
        if before.saved_at > seen or seen > house.clock():
            return False
        drafts.save_draft(connection, house, replace(before, typed=typed, saved_at=seen))
        return True

    return write_unit(house.engine, unit)
