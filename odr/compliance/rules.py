"""Compliance: say that it was done, confirm it, say that it was not, look at the proof, and rate the procedure."""

from __future__ import annotations

from odr.kernel import Actor, Refused
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats, begin
from odr.procedure.dispute import Dispute
from odr.procedure.events import (
    BuyerRated,
    ComplianceEnded,
    Event,
    PerformanceConfirmed,
    PerformanceDenied,
    PerformanceReported,
    SellerRated,
)
from odr.procedure.rules import require_text, words

BEST = 5


def report_performance(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """The seller says what was done, and when; the buyer is asked to confirm it. A report before its day does not
    shorten the buyer's time: a parcel may still be on its way."""
    demand("performance:report", dispute, actor, at)
    require_text(text)
    clock = begin(dispute.rules, "confirmation", max(at, dispute.perform_by or at), seats)
    return [PerformanceReported(clock=clock, words=words(text=text))]


def confirm_performance(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """The buyer has got what was promised or granted."""
    demand("performance:confirm", dispute, actor, at)
    return [PerformanceConfirmed(result=_honoured(dispute, at))]


def deny_performance(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """The buyer says that it was not done: the seller gets time to make good, or, when that is said to have been done
    already, a registrar looks at the proof (procedure 3.2: compliance)."""
    demand("performance:deny", dispute, actor, at)
    require_text(text)
    step = "proof" if dispute.denied else "cure"
    return [PerformanceDenied(clock=begin(dispute.rules, step, at, seats), words=words(text=text))]


def check_proof(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, shown: bool, text: str) -> list[Event]:
    """The registrar says whether the seller's papers show that it was done; nothing else is decided again."""
    demand("proof:check", dispute, actor, at)
    require_text(text, "reasons_missing")
    result = _honoured(dispute, at) if shown else "not_honoured"
    return [ComplianceEnded(result=result, by=actor.role, words=words(text=text))]


def rate_procedure(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, score: int) -> list[Event]:
    """A side's grade for the procedure, 1 to 5, once."""
    demand("procedure:rate", dispute, actor, at)
    if not 1 <= score <= BEST:
        raise Refused("score_out_of_range", most=BEST)
    return [(BuyerRated if actor.role == "buyer" else SellerRated)(score=score)]


def _honoured(dispute: Dispute, at: int) -> str:
    """In time when it was said to be done, or without that confirmed, before its day was over."""
    done = at if dispute.performed_at is None else dispute.performed_at
    late = dispute.denied or dispute.perform_by is None or done >= dispute.perform_by
    return "late" if late else "honoured"
