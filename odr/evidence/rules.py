"""Evidence: add an item, turn one away on the record, say that one's file is complete."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from odr.kernel import Actor, Refused
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats, begin
from odr.procedure.dispute import SIDES, Dispute, Phase
from odr.procedure.events import DefaultTrackEnded, Event, EvidenceAdded, EvidenceCompleted, UploadRefused
from odr.procedure.passages import open_negotiation
from odr.procedure.rules import words

# 100 files a dispute: what GlobaLeaks and others found to be enough for anybody (security design, §5.9). Half of them
# are each side's own, or one side could leave no room for the other's.
MOST_ITEMS = 50

# A bound against machines, not people: whoever sends rubbish for ever does not fill the record with it.
MOST_TURNED_AWAY = 50

# Whatever a house's own limit is, an entry holds no size beyond this many bytes.
LARGEST_FILE = 10**12


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies in the store: 64 hex digits over its plain text, its bytes, and where it lies.

    Two sendings of one upload are stored twice and are the same act, so the place is not compared.
    """

    sha256: str
    size: int
    object_id: str = field(compare=False)

    @property
    def description(self) -> str:
        """What the entry commits to, in words of JSON."""
        return json.dumps({"object": self.object_id, "sha256": self.sha256, "size": self.size})


def add_evidence(
    dispute: Dispute,
    actor: Actor,
    *,
    at: int,
    seats: Seats,
    file: StoredFile,
    media: str,
    notes: tuple[str, ...] = (),
    name: str = "",
    about: str = "",
) -> list[Event]:
    """A file that is already safely stored becomes an item of the dispute."""
    demand("evidence:add", dispute, actor, at)
    if file.size > LARGEST_FILE:
        raise Refused("file_too_large", limit=LARGEST_FILE)
    if sum(item.side == actor.role for item in dispute.evidence) >= MOST_ITEMS:
        raise Refused("too_much_evidence", most=MOST_ITEMS)
    texts = words(name=name, about=about, file=file.description)
    number = len(dispute.evidence) + 1
    if _is_late(dispute, actor.role, at):
        notes = (*notes, "late")
    return [EvidenceAdded(side=actor.role, item=number, media=media, size=file.size, notes=notes, words=texts)]


def _is_late(dispute: Dispute, side: str, at: int) -> bool:
    """Whether the mediator asked this side for evidence and its time for that is over."""
    asked = [request.due for request in dispute.requests if request.side == side]
    return dispute.phase in (Phase.MEDIATION, Phase.DECISION) and bool(asked) and at >= max(asked)


def refuse_upload(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, reason: str) -> list[Event]:
    """Keep on the record that a file was turned away, and why. The sender is told each time; the record holds as many
    as there may be files, since more of them prove nothing more."""
    demand("evidence:add", dispute, actor, at)
    if dispute.turned_away.count(actor.role) >= MOST_TURNED_AWAY:
        return []
    return [UploadRefused(side=actor.role, reason=reason)]


def complete_evidence(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Say that one's file is complete; when both have, the negotiation opens at once. Where the seller never replied,
    the buyer's word on it ends the time to prove the claim."""
    demand("evidence:complete", dispute, actor, at)
    completed: list[Event] = [EvidenceCompleted(side=actor.role)]
    if dispute.phase is Phase.DEFAULT_TRACK:
        return [*completed, DefaultTrackEnded(clock=begin(dispute.rules, "draw", at, seats))]
    if dispute.complete | {actor.role} == set(SIDES):
        completed.append(open_negotiation(dispute, at, seats))
    return completed
