"""The seller's answer: come by the invitation, reply with one of five choices, have the scope decided."""

from __future__ import annotations

from collections.abc import Mapping

from odr.kernel import Actor, Refused
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats, begin
from odr.procedure.dispute import Dispute
from odr.procedure.events import AddressGiven, Event, OrderProven, ReplyGiven, SellerJoined, Term
from odr.procedure.passages import dismiss_scope_objection
from odr.procedure.rules import agreement, closed, offer_of, require_text, words

# How sure the house is that somebody acts for the seller, lowest first (features 54).
PROOFS = ("invitation_link", "claimed_profile")


def join_seller(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, proof: str) -> list[Event]:
    """Somebody identified as the seller, by the mailed link or by a profile they claimed. Twice changes nothing."""
    demand("seller:join", dispute, actor, at)
    if proof not in PROOFS:
        raise Refused("proof_unknown")
    return [] if dispute.seller_joined else [SellerJoined(proof=proof)]


def give_reply(
    dispute: Dispute,
    actor: Actor,
    *,
    at: int,
    seats: Seats,
    choice: str,
    text: str = "",
    terms: tuple[Term, ...] | None = None,
    ours: bool = False,
) -> list[Event]:
    """Answer the claim. `accept_all` agrees to every item; `offer` (with the terms, if they are ready) and `contest`
    go on to the evidence; `object` asks the registrar about the scope; `decline` ends the procedure, recorded. `ours`:
    the seller says with it that the order is theirs."""
    demand("reply:give", dispute, actor, at)
    if choice not in dispute.rules.reply_choices:
        raise Refused("choice_unknown")
    if choice == "object" and dispute.objected_once:
        # Or an objection after each dismissal would keep the buyer waiting for ever.
        raise Refused("objection_only_once")
    if choice in ("contest", "object"):
        require_text(text)
    known = [OrderProven(method="seller")] if ours and "seller" not in dispute.order_proven else []
    return [*known, *_reply(choice, dispute, actor, at, seats, words(text=text), terms)]


def _reply(
    choice: str,
    dispute: Dispute,
    actor: Actor,
    at: int,
    seats: Seats,
    said: Mapping[str, str],
    terms: tuple[Term, ...] | None,
) -> list[Event]:
    if choice == "accept_all":
        terms = tuple(Term(place, True, item.amount) for place, item in enumerate(dispute.items))
        agreed = agreement(dispute, terms, "accepted_in_full", at, seats, dispute.rules.perform_days)
        return [ReplyGiven(choice=choice, clock=None, words=said), agreed]
    if choice == "decline":
        return [ReplyGiven(choice=choice, clock=None, words=said), closed("declined")]
    step = "scope" if choice == "object" else "evidence"
    replied: list[Event] = [ReplyGiven(choice=choice, clock=begin(dispute.rules, step, at, seats), words=said)]
    if choice == "offer" and terms is not None:
        replied.append(offer_of(dispute, actor, at, terms))
    return replied


def dismiss_objection(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """The registrar keeps the dispute; the seller's time to reply begins anew."""
    demand("scope:decide", dispute, actor, at)
    require_text(text, "reasons_missing")
    return dismiss_scope_objection(dispute, at, seats, text)


def give_address(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, seller: str) -> list[Event]:
    """The buyer names another address of a seller who could not be reached (`seller`: as in the filing, JSON); the
    notice goes out again."""
    demand("address:give", dispute, actor, at)
    require_text(seller)
    return [AddressGiven(clock=begin(dispute.rules, "reply", at, seats), words=words(seller=seller))]
