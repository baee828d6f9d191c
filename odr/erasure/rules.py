"""Erasure: hold the words of a dispute, lift a hold, order words erased, and record that they are."""

from __future__ import annotations

from dataclasses import dataclass

from odr.kernel import Actor, Refused
from odr.procedure.access import ASKED, demand
from odr.procedure.deadlines import Seats
from odr.procedure.dispute import SIDES, Dispute
from odr.procedure.events import ErasureOrdered, Event, HoldLifted, HoldPlaced, Target, WordsErased

# GDPR Art. 17(3)(b) and (e): a legal obligation, and legal claims.
HOLD_GROUNDS = ("court_proceedings", "authority", "complaint")
# Grounds of which the law, not the writer, is the source.
LEGAL_GROUNDS = ("court_order", "unlawful")


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with words beside it that are still there: its version, who made it, and what they are called."""

    version: int
    actor: str
    names: tuple[str, ...]


def place_hold(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, ground: str) -> list[Event]:
    """Have the words of a dispute kept, whoever asks for their erasure meanwhile."""
    demand("hold:place", dispute, actor, at)
    if ground not in HOLD_GROUNDS:
        raise Refused("ground_unknown")
    return [HoldPlaced(ground=ground)]


def lift_hold(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, hold: int) -> list[Event]:
    """Let one hold, named by its version, no longer count."""
    demand("hold:lift", dispute, actor, at)
    if hold not in {each.version for each in dispute.holds}:
        raise Refused("no_hold")
    return [HoldLifted(hold=hold)]


def order_erasure(
    dispute: Dispute,
    actor: Actor,
    *,
    at: int,
    seats: Seats,
    written: tuple[Written, ...],
    ground: str = ASKED,
    versions: tuple[int, ...] = (),
) -> list[Event]:
    """Have words destroyed: a side all its own, once the dispute is over and its time to be kept too; the house, on a
    legal ground and at any time, those of the entries named by their `versions`. Never under a hold."""
    demand("words:erase", dispute, actor, at)
    if actor.role in SIDES:
        wanted = _own(actor, written, ground, versions)
    elif ground in LEGAL_GROUNDS:
        wanted = [each for each in written if each.version in versions]
    else:
        raise Refused("ground_unknown")
    ordered = {name for each in dispute.erasures for name in each.names}
    targets = tuple(
        Target(each.version, names)
        for each in sorted(wanted, key=lambda each: each.version)
        if (names := tuple(sorted(name for name in each.names if (each.version, name) not in ordered)))
    )
    if not targets:
        raise Refused("words_erased_already")
    return [ErasureOrdered(ground=ground, targets=targets)]


def _own(actor: Actor, written: tuple[Written, ...], ground: str, versions: tuple[int, ...]) -> list[Written]:
    if ground != ASKED:
        raise Refused("ground_unknown")
    own = [each for each in written if each.actor == actor.id]
    if not {each.version for each in own}.issuperset(versions):
        raise Refused("words_of_others")
    return own


def record_erasure(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, ordered: int) -> list[Event]:
    """Say that what this entry ordered is destroyed. Refused under a hold that came in between: then it waits."""
    demand("erasure:record", dispute, actor, at)
    if dispute.holds:
        raise Refused("words_held")
    if ordered not in {each.version for each in dispute.erasures if not each.done}:
        raise Refused("no_erasure_ordered")
    return [WordsErased(ordered=ordered)]
