"""Evidence: add an item, turn one away on the record, say that one's file is complete."""

from __future__ import annotations

from odr.kernel import Actor, Refused
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats
from odr.procedure.dispute import SIDES, Dispute
from odr.procedure.events import Event, EvidenceAdded, EvidenceCompleted, UploadRefused
from odr.procedure.rules import LONGEST_TEXT, open_negotiation, words

# 100 files a dispute: what GlobaLeaks and others found to be enough for anybody (security design, §5.9).
MOST_ITEMS = 100


def add_evidence(
    dispute: Dispute, actor: Actor, *, at: int, seats: Seats, media: str, size: int, name: str, about: str, file: str
) -> list[Event]:
    """A file that is already safely stored becomes an item. `file`: its description as JSON (object, digest, size)."""
    demand("evidence:add", dispute, actor, at)
    if len(dispute.evidence) >= MOST_ITEMS:
        raise Refused("too_much_evidence", most=MOST_ITEMS)
    if len(about) > LONGEST_TEXT:
        raise Refused("text_too_long", most=LONGEST_TEXT)
    number = len(dispute.evidence) + 1
    texts = words(name=name, about=about, file=file)
    return [EvidenceAdded(side=actor.role, item=number, media=media, size=size, words=texts)]


def refuse_upload(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, reason: str) -> list[Event]:
    """Keep on the record that a file was turned away, and why."""
    demand("evidence:add", dispute, actor, at)
    return [UploadRefused(side=actor.role, reason=reason)]


def complete_evidence(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Say that one's file is complete; when both have, the negotiation opens at once."""
    demand("evidence:complete", dispute, actor, at)
    completed: list[Event] = [EvidenceCompleted(side=actor.role)]
    if dispute.complete | {actor.role} == set(SIDES):
        completed.append(open_negotiation(dispute, at, seats))
    return completed
