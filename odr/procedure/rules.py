"""What all steps share: messages, agreeing, closing, more time, time that stands still, and what mail came to."""

from __future__ import annotations

from datetime import date, timedelta
from unicodedata import category

from odr.kernel import CURRENCIES, LARGEST_MINOR, Actor, Money, Refused, moment, totals
from odr.procedure.access import demand
from odr.procedure.deadlines import DAY, Seats, begin, end_of_day, extend, resume, resumed_due, until
from odr.procedure.dispute import SIDES, Dispute, Phase, Request
from odr.procedure.events import (
    NO_WORDS,
    AgreementReached,
    Deadline,
    DirectSettlementDenied,
    DirectSettlementStated,
    DisputeClosed,
    DisputeHandedOver,
    DisputeResumed,
    DisputeSuspended,
    DisputeWithdrawn,
    Event,
    ExtensionAsked,
    ExtensionGranted,
    MediationMessageSent,
    MessageSent,
    NoticeReturned,
    NoticeSent,
    OfferMade,
    SettlementSigned,
    SuspensionAsked,
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
        signed.append(closed_with_agreement(dispute, at))
    return signed


# A bound against machines, not people, for each who writes, or one side could leave no room for the other's words.
MOST_MESSAGES = 200


def send_message(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """Say something to the other side. From the negotiation on, out of reach of whoever decides (procedure 3.7); in the
    mediation the mediator reads and writes too."""
    demand("message:send", dispute, actor, at)
    require_text(text)
    if dispute.messages.count(actor.role) >= MOST_MESSAGES:
        raise Refused("too_many_messages", most=MOST_MESSAGES)
    return [_MESSAGES.get(dispute.phase, WalledMessageSent)(side=actor.role, words=words(text=text))]


_MESSAGES: dict[Phase, type[MessageSent]] = {
    Phase.AWAITING_RESPONSE: MessageSent,
    Phase.EVIDENCE: MessageSent,
    Phase.MEDIATION: MediationMessageSent,
}


def ask_extension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str = "") -> list[Event]:
    """Ask the other side for more time in the present step, once per step (procedure 3.1)."""
    demand("extension:ask", dispute, actor, at)
    return [ExtensionAsked(side=actor.role, step=dispute.running_clock.step, words=words(text=text))]


def agree_extension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Consent to the time the other side asked for."""
    demand("extension:agree", dispute, actor, at)
    return [ExtensionGranted(by="parties", clock=extend(dispute.rules, dispute.running_clock, seats))]


def grant_extension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """The registrar or the mediator gives more time, with a reason."""
    demand("extension:grant", dispute, actor, at)
    require_text(text)
    clock = extend(dispute.rules, dispute.running_clock, seats)
    return [ExtensionGranted(by=actor.role, clock=clock, words=words(text=text))]


def ask_suspension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str = "") -> list[Event]:
    """Ask the other side to let all time stand still for a while (procedure 3.2: suspended)."""
    demand("suspension:ask", dispute, actor, at)
    return [SuspensionAsked(side=actor.role, words=words(text=text))]


def agree_suspension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Consent to what the other side asked for."""
    demand("suspension:agree", dispute, actor, at)
    return [_suspended(dispute, at, "joint_request", "parties")]


def order_suspension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, ground: str, text: str) -> list[Event]:
    """The registrar lets all time stand still, on a ground of the closed list, with a reason."""
    demand("suspension:order", dispute, actor, at)
    if ground not in dispute.rules.suspension_grounds:
        raise Refused("ground_unknown")
    require_text(text, "reasons_missing")
    return [_suspended(dispute, at, ground, "registrar", text=text)]


def end_suspension(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Let time go on before the suspension ends by itself."""
    demand("suspension:end", dispute, actor, at)
    return [resumed(dispute, at, actor.role)]


def hand_over(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, reason: str, text: str) -> list[Event]:
    """A court or another body has the dispute now: it closes here, as the registrar records (procedure 3.2)."""
    demand("dispute:hand_over", dispute, actor, at)
    if reason not in dispute.rules.handovers:
        raise Refused("ground_unknown")
    require_text(text, "reasons_missing")
    return [DisputeHandedOver(reason=reason, words=words(text=text)), closed(reason)]


def record_notice(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, side: str, template: str) -> list[Event]:
    """A notice that carries a time limit left the house: its service can be proved."""
    demand("notice:record", dispute, actor, at)
    _require_side(side)
    return [NoticeSent(side=side, template=template)]


def return_notice(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, side: str, template: str) -> list[Event]:
    """Mail to a side came back: its time stands still, once in each step, or a mailbox that is kept shut would keep the
    other side waiting for ever. For a seller who never came, the buyer is asked for another address (decisions: no
    notice could be served)."""
    demand("notice:record", dispute, actor, at)
    _require_side(side)
    if dispute.step in ("reply", "last_call") and side == "seller" and not dispute.seller_joined:
        return [NoticeReturned(side=side, template=template, clock=begin(dispute.rules, "address", at, seats))]
    returned = NoticeReturned(side=side, template=template, clock=None)
    clock = dispute.clock
    if clock is None or clock.holder not in (side, "both") or _halted_before(dispute, side, clock.step):
        return [returned]
    if dispute.phase is Phase.CLOSED:
        return [returned]
    return [returned, _suspended(dispute, at, "notice_returned", "system", side=side)]


def _halted_before(dispute: Dispute, side: str, step: str) -> bool:
    """Whether time stood still for this side's mail before: in this step, or, for a seller who never came although the
    invitation did not come back, in the whole dispute."""
    if side == "seller" and dispute.in_default and not dispute.seller_joined:
        return any(whose == side for whose, _ in dispute.held_for_mail)
    return (side, step) in dispute.held_for_mail


def _require_side(side: str) -> None:
    if side not in SIDES:
        raise Refused("side_unknown")


# -- what the rooms' rules build with -------------------------------------------------------------------------


# 16,045 characters is the longest narrative among 2,037 real complaints; no honest text is ten times as long.
LONGEST_TEXT = 20_000


def words(**texts: str) -> dict[str, str]:
    """The personal texts that were really said, each of a length that a person writes."""
    if any(len(text) > LONGEST_TEXT for text in texts.values()):
        raise Refused("text_too_long", most=LONGEST_TEXT)
    return {name: text for name, text in texts.items() if text} or dict(NO_WORDS)


def require_text(text: str, missing: str = "text_missing") -> None:
    """Something must be said, and in signs that can be seen: a reason of zero-width spaces is none."""
    if all(category(sign) in _UNSEEN for sign in text):
        raise Refused(missing)


_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


def require_amount(amount: Money) -> None:
    """An amount must be more than nothing, in a currency that is listed, and of a size that every reader keeps."""
    if amount.currency not in CURRENCIES:
        raise Refused("currency_unknown")
    if amount.minor <= 0:
        raise Refused("amount_not_positive")
    if amount.minor > LARGEST_MINOR:
        raise Refused("amount_too_large")


def closed(code: str, compliance: str = "none", clock: Deadline | None = None) -> DisputeClosed:
    return DisputeClosed(code=code, compliance=compliance, clock=clock)


def closed_with_agreement(dispute: Dispute, at: int) -> DisputeClosed:
    """The end of a dispute whose parties agreed: what was promised is due within the time they agreed on, and never
    before the day on which the seller can first say that it was done."""
    agreed = dispute.agreement
    if agreed is None:
        raise ValueError("nothing was agreed on")
    if not any(term.granted for term in agreed.terms):
        return closed(agreed.how)
    due = max(agreed.perform_by, end_of_day(moment(at).date()))
    return closed(agreed.how, "due", until(dispute.rules, "performance", due, "agreed"))


def _suspended(
    dispute: Dispute, at: int, ground: str, by: str, *, side: str | None = None, text: str = ""
) -> DisputeSuspended:
    end = at + dispute.rules.suspension_days * DAY
    return DisputeSuspended(ground=ground, by=by, side=side, until=end, words=words(text=text))


def resumed(dispute: Dispute, at: int, by: str) -> DisputeResumed:
    """Time goes on: each deadline that stood is later by the days it stood."""
    stood = dispute.suspension
    if stood is None:
        raise ValueError("no time stands still")
    return DisputeResumed(
        by=by,
        clock=resume(stood.clock, at - stood.held_from) if stood.clock else None,
        challenge=resume(dispute.challenge.clock, at - stood.since) if dispute.challenge else None,
        requests=tuple(_later(request, stood.since, at) for request in dispute.requests),
    )


def _later(request: Request, since: int, at: int) -> int:
    """When evidence is due that was asked for, unless its time was over before time stood still."""
    return request.due if request.due <= since else resumed_due(request.due, at - max(since, request.at))


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
    perform_days = days_to_perform(dispute, perform_days)
    open_days = rules.offer_days if open_days is None else open_days
    if len(dispute.offers) >= MOST_OFFERS:
        raise Refused("too_many_offers", most=MOST_OFFERS)
    if not 1 <= open_days <= rules.offer_days_most:
        raise Refused("offer_days_out_of_range", most=rules.offer_days_most)
    check_terms(dispute, actor, terms)
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


def days_to_perform(dispute: Dispute, days: int | None) -> int:
    """Days from agreement or decision to performance; None takes the ruleset's."""
    rules = dispute.rules
    days = rules.perform_days if days is None else days
    if not 0 <= days <= rules.perform_days_most:
        raise Refused("perform_days_out_of_range", most=rules.perform_days_most)
    return days


def check_terms(dispute: Dispute, actor: Actor, terms: tuple[Term, ...]) -> None:
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
