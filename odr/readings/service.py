"""Writing down who read a dispute, opening one with a reason, and destroying those reasons with the dispute's words."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, delete, insert, select

from odr.database import write_unit
from odr.disputes.queries import Seat, stand
from odr.disputes.tables import opening
from odr.house import House
from odr.kernel import SYSTEM, Actor, Refused
from odr.log import tables as log
from odr.log.journal import NewFact, Stored, append, head_of
from odr.notices.outbox import enqueue
from odr.procedure.access import AT_HAND
from odr.procedure.dispute import SIDES, Dispute
from odr.procedure.rules import require_text
from odr.readings.queries import open_until
from odr.readings.records import forgetting, reading, stream_beside
from odr.readings.records import opening as opened
from odr.web.sentences import OPENING_GROUNDS


def note(house: House, seat: Seat, permission: str, what: str, item: int | None = None) -> None:
    """Write down that whoever sits here is given something of the dispute, before it is.

    Raises Refused("log_stopped"), and whatever a database says that cannot be written to.
    """
    fact = reading(permission, what, item)
    write_unit(house.engine, lambda connection: _add(connection, house, seat.dispute_id, [fact], seat.actor))


def open_with_reason(house: House, seat: Seat, ground: str, text: str) -> int:
    """Open a dispute in which nothing waits for a registrar to the one who sits here; answers until when. It is told to
    both sides. Where it stands open to them already, nothing more is done.

    Raises Refused("ground_unknown" | "reasons_missing" | "log_stopped").
    """
    if ground not in OPENING_GROUNDS:
        raise Refused("ground_unknown")
    require_text(text, "reasons_missing")

    def unit(connection: Connection) -> int:
        dispute = stand(connection, house, seat.dispute_id).dispute
        at = max(house.clock(), dispute.at)
        until = open_until(connection, seat.dispute_id, seat.actor.id, at)
        if until is not None:
            return until
        until = at + AT_HAND
        (stored,) = _add(connection, house, seat.dispute_id, [opened(ground, until, text)], seat.actor)
        row = {"dispute_id": seat.dispute_id, "account_id": seat.actor.id, "opened_at": at, "until": until}
        connection.execute(insert(opening).values(row))
        _tell(connection, dispute, stored, ground)
        return until

    return write_unit(house.engine, unit)


def _tell(connection: Connection, dispute: Dispute, stored: Stored, ground: str) -> None:
    # Nobody learns of a dispute against them before it is admitted.
    for side in SIDES if dispute.admitted_at is not None else SIDES[:1]:
        enqueue(
            connection,
            "dispute_opened",
            side=side,
            dispute_id=dispute.id,
            params={"number": dispute.number, "ground": ground},
            at=stored.entry.at,
            key=f"{stored.entry.stream}/{stored.entry.version}/dispute_opened/{side}",
        )


def forget_reasons(connection: Connection, house: House, dispute_id: str, ground: str) -> None:
    """Destroy the reasons with which a dispute was opened, and record it beside them; where words of the dispute itself
    are destroyed on this ground, in the transaction of that."""
    stream, words = stream_beside(dispute_id), defaultdict[int, list[str]](list)
    left = select(log.payload.c.ver, log.payload.c.name).where(log.payload.c.stream == stream)
    for row in connection.execute(left):
        words[row.ver].append(row.name)
    if words:
        connection.execute(delete(log.payload).where(log.payload.c.stream == stream))
        version = head_of(connection, stream).version + 1
        _add(connection, house, dispute_id, forgetting(ground, words, version), SYSTEM)


def _add(connection: Connection, house: House, dispute_id: str, facts: list[NewFact], actor: Actor) -> list[Stored]:
    stream = stream_beside(dispute_id)
    head = head_of(connection, stream)
    return append(connection, house, stream, facts, actor=actor, at=house.clock(), head=head)
