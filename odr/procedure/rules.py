"""What all steps share: messages, closing, agreeing, more time, and what happens when time runs out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from odr.kernel import CURRENCIES, LARGEST_MINOR, Actor, Money, Refused, moment, totals
from odr.procedure.access import demand
from odr.procedure.deadlines import DAY, Seats, begin, end_of_day, extend
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import (
    NO_WORDS,
    AdmissionOverdue,
    AgreementReached,
    DirectSettlementDenied,
    DirectSettlementStated,
    DisputeClosed,
    DisputeWithdrawn,
    Event,
    ExtensionAsked,
    ExtensionGranted,
    LastCallMade,
    MessageSent,
    NegotiationEnded,
    NegotiationOpened,
    OfferLapsed,
    OfferMade,
    RebuttalOpened,
    ScopeObjectionDismissed,
    SellerSilent,
    SettlementSigned,
    Term,
    WalledMessageSent,
)


def withdraw_dispute(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str = "") -> list[Event]:
    """The buyer ends the dispute without prejudice (procedure 3.4)."""
    demand("dispute:withdraw", dispute, actor, at)
    return [DisputeWithdrawn(words=words(text=text)), closed("withdrawn")]


def state_direct_settlement(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """ "We settled directly": the buyer's word ends the dispute, the seller's waits for the buyer's."""
    demand("direct:state", dispute, actor, at)
    require_text(text)
    stated = DirectSettlementStated(side=actor.role, words=words(text=text))
    return [stated, closed("settled_direct")] if actor.role == "buyer" else [stated]


def deny_direct_settlement(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """The buyer contradicts the seller's word that both settled outside."""
    demand("direct:deny", dispute, actor, at)
    return [DirectSettlementDenied(side=actor.role)]


def sign_settlement(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, seen: str) -> list[Event]:
    """Sign the agreement as it was shown (`seen`: the seal of its entry); the second signature closes the dispute."""
    demand("settlement:sign", dispute, actor, at)
    agreement = dispute.agreement
    if agreement is None or seen != agreement.seal:
        raise Refused("agreement_changed")
    signed: list[Event] = [SettlementSigned(side=actor.role, seen=seen)]
    if dispute.signed:
        signed.append(closed(agreement.how, compliance="due"))
    return signed


def send_message(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """Say something to the other side. From the negotiation on, out of reach of whoever decides (procedure 3.7)."""
    demand("message:send", dispute, actor, at)
    require_text(text)
    before = dispute.phase in (Phase.AWAITING_RESPONSE, Phase.EVIDENCE)
    kind = MessageSent if before else WalledMessageSent
    return [kind(side=actor.role, words=words(text=text))]


def ask_extension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str = "") -> list[Event]:
    """Ask the other side for more time in the present step, once per step (procedure 3.1)."""
    demand("extension:ask", dispute, actor, at)
    return [ExtensionAsked(side=actor.role, step=dispute.running_clock.step, words=words(text=text))]


def agree_extension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Consent to the time the other side asked for."""
    demand("extension:agree", dispute, actor, at)
    return [ExtensionGranted(by="parties", clock=extend(dispute.rules, dispute.running_clock, seats))]


def grant_extension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """The registrar gives more time, with a reason."""
    demand("extension:grant", dispute, actor, at)
    require_text(text)
    return [
        ExtensionGranted(
            by="registrar", clock=extend(dispute.rules, dispute.running_clock, seats), words=words(text=text)
        )
    ]


# -- what the rooms' rules build with -------------------------------------------------------------------------


# 16,045 characters is the longest narrative among 2,037 real complaints; no honest text is ten times as long.
LONGEST_TEXT = 20_000


def words(**texts: str) -> dict[str, str]:
    """The personal texts that were really said, each of a length that a person writes."""
    if any(len(text) > LONGEST_TEXT for text in texts.values()):
        raise Refused("text_too_long", most=LONGEST_TEXT)
    return {name: text for name, text in texts.items() if text} or dict(NO_WORDS)


def require_text(text: str, missing: str = "text_missing") -> None:
    """Something must be said."""
    if not text.strip():
        raise Refused(missing)


def require_amount(amount: Money) -> None:
    """An amount must be more than nothing, in a currency that is listed, and of a size that every reader keeps."""
    if amount.currency not in CURRENCIES:
        raise Refused("currency_unknown")
    if amount.minor <= 0:
        raise Refused("amount_not_positive")
    if amount.minor > LARGEST_MINOR:
        raise Refused("amount_too_large")


def closed(code: str, compliance: str = "none") -> DisputeClosed:
    return DisputeClosed(code=code, compliance=compliance)


def agreement(
    dispute: Dispute, terms: tuple[Term, ...], how: str, at: int, seats: Seats, perform_days: int
) -> AgreementReached:
    """The agreement on these terms: performance is due `perform_days` after the day of agreement."""
    perform_by = end_of_day(moment(at).date() + timedelta(perform_days))
    return AgreementReached(how=how, terms=terms, perform_by=perform_by, clock=begin(dispute.rules, "sign", at, seats))


# More offers than any of 450 real negotiations needed (13), by far: a bound against machines, not people.
MOST_OFFERS = 200


def offer_of(
    dispute: Dispute,
    actor: Actor,
    at: int,
    terms: tuple[Term, ...],
    *,
    perform_days: int | None = None,
    open_days: int | None = None,
    text: str = "",
) -> OfferMade:
    """The fact of an offer of these terms.

    `perform_days`: days from agreement to performance; `open_days`: days until the offer ends by itself. Refused
    when a number is out of the ruleset's range or the terms do not fit the claim.
    """
    rules = dispute.rules
    perform_days = rules.perform_days if perform_days is None else perform_days
    open_days = rules.offer_days if open_days is None else open_days
    if len(dispute.offers) >= MOST_OFFERS:
        raise Refused("too_many_offers", most=MOST_OFFERS)
    if not 0 <= perform_days <= rules.perform_days_most:
        raise Refused("perform_days_out_of_range", most=rules.perform_days_most)
    if not 1 <= open_days <= rules.offer_days_most:
        raise Refused("offer_days_out_of_range", most=rules.offer_days_most)
    _check_terms(dispute, actor, terms)
    replaced = dispute.open_offer
    return OfferMade(
        side=actor.role,
        offer=len(dispute.offers),
        terms=terms,
        perform_days=perform_days,
        expires=at + open_days * DAY,
        replaces=replaced.number if replaced else None,
        words=words(text=text),
    )


def _check_terms(dispute: Dispute, actor: Actor, terms: tuple[Term, ...]) -> None:
    """One term for each claim item, money where the item is about money. The seller may give more than was claimed;
    the buyer cannot ask for more in a currency than the claim holds in it."""
    if [term.item for term in terms] != list(range(len(dispute.items))):
        raise Refused("terms_do_not_match")
    # A seller may offer that both let the matter rest, as real negotiators do; a buyer who asks for nothing withdraws.
    if actor.role == "buyer" and not any(term.granted for term in terms):
        raise Refused("offer_of_nothing")
    for term, item in zip(terms, dispute.items, strict=True):
        if not term.granted and term.amount is not None:
            raise Refused("terms_do_not_match")
        if term.granted and (term.amount is None) != (item.amount is None):
            raise Refused("remedy_needs_amount")
        if term.amount is not None:
            require_amount(term.amount)
    if actor.role == "buyer":
        _check_not_above_claim(dispute, terms)


def _check_not_above_claim(dispute: Dispute, terms: tuple[Term, ...]) -> None:
    for currency, amount in totals([term.amount for term in terms if term.amount]).items():
        claimed = dispute.claimed.get(currency)
        if claimed is None:
            raise Refused("currency_not_claimed", currency=currency)
        if amount.minor > claimed.minor:
            raise Refused("above_claim", claimed=claimed)


# -- when time runs out ---------------------------------------------------------------------------------------


def fire(dispute: Dispute, *, at: int, seats: Seats) -> list[Event]:
    """What follows by itself at instant `at`: of all that is due, the consequence of the earliest; [] when nothing is.

    New deadlines count from `at`, not from the instant that was missed, so that an outage shortens nobody's time.
    """
    due = dispute.next_due
    if due is None or at < due:
        return []
    if dispute.open_offer and dispute.open_offer.expires == due:
        return [OfferLapsed(offer=dispute.open_offer.number)]
    return _EXPIRY[dispute.running_clock.step](dispute, at, seats)


def _admission_overdue(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [AdmissionOverdue(clock=begin(dispute.rules, "screening_last", dispute.phase_at, seats))]


def _admission_long_overdue(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # Counted again and again until somebody acts: silence of the house never closes a buyer's dispute.
    return [AdmissionOverdue(clock=begin(dispute.rules, "screening_last", at, seats))]


def _incomplete(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [closed("incomplete")]


def _refusal_stands(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [closed(f"refused:{dispute.refused_ground}")]


def _last_call(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [LastCallMade(clock=begin(dispute.rules, "last_call", at, seats))]


def _seller_silent(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [SellerSilent()]


def _evidence_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # Counted back from the end of the exchange, not from `at`: an outage must not take the rebuttal away.
    late_from = dispute.running_clock.due - dispute.rules.rebuttal_window_days * DAY
    if any(item.at > late_from for item in dispute.evidence if item.at >= dispute.phase_at):
        return [RebuttalOpened(clock=begin(dispute.rules, "rebuttal", at, seats))]
    return [open_negotiation(dispute, at, seats)]


def _rebuttal_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [open_negotiation(dispute, at, seats)]


def open_negotiation(dispute: Dispute, at: int, seats: Seats) -> NegotiationOpened:
    return NegotiationOpened(clock=begin(dispute.rules, "negotiation", at, seats))


def _negotiation_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [NegotiationEnded(by="clock")]


def _signing_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # The acceptance already bound both; the signatures give it form, their absence takes nothing away.
    return [closed(dispute.agreement.how, compliance="due")] if dispute.agreement else []


def _scope_undecided(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # The registrar let the objection lie: it falls, and nobody loses time by it.
    return dismiss_scope_objection(dispute, at, seats)


def dismiss_scope_objection(dispute: Dispute, at: int, seats: Seats, text: str = "") -> list[Event]:
    from_now = begin(dispute.rules, "reply", at, seats)
    return [ScopeObjectionDismissed(clock=from_now, words=words(text=text))]


_EXPIRY: dict[str, Callable[[Dispute, int, Seats], list[Event]]] = {
    "screening": _admission_overdue,
    "screening_last": _admission_long_overdue,
    "information": _incomplete,
    "review": _refusal_stands,
    "reply": _last_call,
    "scope": _scope_undecided,
    "last_call": _seller_silent,
    "evidence": _evidence_over,
    "rebuttal": _rebuttal_over,
    "negotiation": _negotiation_over,
    "sign": _signing_over,
}


def read_day(text: str) -> date:
    """A calendar day "2026-03-27". Refused("day_malformed") otherwise."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused("day_malformed") from None
    # Weeks ("2026-W13-5") and days without hyphens are read as well, and would stand in the entry as they came.
    if day.isoformat() != text:
        raise Refused("day_malformed")
    return day
