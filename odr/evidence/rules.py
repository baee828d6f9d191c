"""Evidence: add an item, turn one away on the record, say that one's file is complete."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from odr.kernel import Actor, Refused
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats
from odr.procedure.dispute import SIDES, Dispute
from odr.procedure.events import Event, EvidenceAdded, EvidenceCompleted, UploadRefused
from odr.procedure.rules import open_negotiation, words

# 100 files a dispute: what GlobaLeaks and others found to be enough for anybody (security design, §5.9).
MOST_ITEMS = 100

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
    if len(dispute.evidence) >= MOST_ITEMS:
        raise Refused("too_much_evidence", most=MOST_ITEMS)
    texts = words(name=name, about=about, file=file.description)
    number = len(dispute.evidence) + 1
    return [EvidenceAdded(side=actor.role, item=number, media=media, size=file.size, notes=notes, words=texts)]


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
