"""How offers read on a page: what each gives in words, what became of it, and what its reader can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from odr.disputes.filters import Reading
from odr.disputes.turns import ANSWER_OFFER, AWAITED, OFFER_ENDS
from odr.kernel import Missing
from odr.procedure.dispute import Offer, other_side
from odr.web import sentences
from odr.web.filters import number


@dataclass(frozen=True)
class Shown:
    """One offer as a reader sees it."""

    reading: Reading
    offer: Offer

    @property
    def title(self) -> str:
        return _("Offer %(place)s", place=number(self.offer.number + 1))

    @property
    def is_own(self) -> bool:
        return self.offer.side == self.reading.role

    @property
    def is_over(self) -> bool:
        """Whether its own time has run out; that it lapsed is recorded within minutes of it."""
        return self.reading.page.at >= self.offer.expires

    @property
    def until(self) -> int:
        """Until when it can be answered: its own time, or the end of the negotiation where that comes first."""
        clock = self.reading.dispute.clock
        end = clock.due if clock and clock.step == "negotiation" else self.offer.expires
        return min(end, self.offer.expires)

    @property
    def maker(self) -> str:
        """Whose offer it is, in a sentence of its own."""
        if self.is_own:
            return _("You made this offer.")
        return _("The buyer made this offer.") if self.offer.side == "buyer" else _("The seller made this offer.")

    @property
    def state(self) -> Any:
        return sentences.OFFER_STATES[self.offer.state]

    @property
    def text(self) -> str:
        """What was said with it; nothing when nothing was, or when it was erased."""
        return self.reading.page.line(self.offer.version).words.get("text", "")

    @property
    def amounts(self) -> list[Any]:
        return list(self.offer.totals.values())

    @property
    def deeds(self) -> list[Any]:
        """What is given beside money."""
        items = self.reading.dispute.items
        return [
            sentences.REMEDIES[items[term.item].remedy]
            for term in self.offer.terms
            if term.granted and term.amount is None
        ]

    @property
    def pays_reader(self) -> bool:
        """Whether its money goes to the reader."""
        return self.reading.role == "buyer"

    @property
    def performance(self) -> str:
        """How long the seller has to carry it out."""
        if not self.offer.perform_days:
            return _("It is carried out on the day of the agreement.")
        return ngettext(
            "It is carried out within %(num)d day of the agreement.",
            "It is carried out within %(num)d days of the agreement.",
            self.offer.perform_days,
        )

    @property
    def gives_nothing(self) -> bool:
        """Whether it asks both sides to let the matter rest."""
        return not any(term.granted for term in self.offer.terms)

    @property
    def answers(self) -> list[dict[str, Any]]:
        """Each item of the claim with what this offer says to it: remedy, claimed, granted, amount."""
        return [
            {
                "remedy": sentences.REMEDIES[item.remedy],
                "claimed": item.amount,
                "granted": term.granted,
                "amount": term.amount,
            }
            for item, term in zip(self.reading.dispute.items, self.offer.terms, strict=True)
        ]


@dataclass(frozen=True)
class Offers:
    """The negotiation as one of its sides sees it."""

    reading: Reading

    @cached_property
    def all(self) -> list[Shown]:
        return [Shown(self.reading, offer) for offer in self.reading.dispute.offers]

    @property
    def open(self) -> Shown | None:
        """The offer that can be answered now."""
        return self.all[-1] if self.reading.open_offer else None

    def numbered(self, number: int) -> Shown:
        """The offer of that number, 0 = first. Missing when there is none."""
        if not 0 <= number < len(self.all):
            raise Missing(str(number))
        return self.all[number]

    @property
    def said(self) -> list[Shown]:
        """The offers with which something was said."""
        return [shown for shown in self.all if shown.text]

    @property
    def turn(self) -> dict[str, Any] | None:
        """Whose turn it is with the offers: holder, act, due and what happens otherwise; None when they are over."""
        reading, shown = self.reading, self.open
        clock = reading.dispute.clock
        end = clock.due if clock and clock.step == "negotiation" else None
        if shown is None:
            otherwise = sentences.ON_EXPIRY["negotiation"] if end else ""
            told = {"holder": "both", "act": _("Either side can make an offer."), "due": end, "otherwise": otherwise}
            return told if reading.may("offer:make") else None
        return {
            "holder": other_side(shown.offer.side) if shown.is_own else "you",
            "act": AWAITED["negotiation"][other_side(shown.offer.side)] if shown.is_own else ANSWER_OFFER,
            "due": shown.until,
            "otherwise": OFFER_ENDS if shown.until == shown.offer.expires else sentences.ON_EXPIRY["negotiation"],
        }

    @property
    def acts(self) -> list[dict[str, Any]]:
        """What this reader may do about offers now, the most needed first."""
        open_number = self.open.offer.number if self.open else None
        rows = []
        for permission, endpoint, title, consequence, label in _ACTS:
            if not self.reading.may(permission):
                continue
            answered = open_number if endpoint in ANSWERS else None
            href = url_for(f"negotiation.{endpoint}", number=self.reading.number, offer=answered)
            rows.append({"title": title, "consequence": consequence, "label": label, "href": href})
        return [{**row, "kind": "second" if place else ""} for place, row in enumerate(rows)]


# Endpoints that answer the open offer and name it.
ANSWERS = frozenset({"acceptance", "rejection", "withdrawal"})

_ACTS = (
    ("offer:accept", "acceptance", lazy_gettext("Accept the offer"),
     lazy_gettext("You see the amounts once more. If you accept, both sides are bound by it and are asked to sign."),
     lazy_gettext("Read and accept")),
    ("offer:make", "offer", lazy_gettext("Make an offer"),
     lazy_gettext("You answer the claim item by item. An offer that is still open, whosever it is, is replaced by it."),
     lazy_gettext("Make an offer")),
    ("offer:reject", "rejection", lazy_gettext("Reject the offer"),
     lazy_gettext("The offer ends. The negotiation goes on, and either side can make another one."),
     lazy_gettext("Reject it")),
    ("offer:withdraw", "withdrawal", lazy_gettext("Take back your offer"),
     lazy_gettext("The other side can no longer accept it."),
     lazy_gettext("Take it back")),
    ("negotiation:leave", "leaving", lazy_gettext("Leave the negotiation"),
     lazy_gettext("No further offers are possible. A mediator is appointed who belongs to neither side."),
     lazy_gettext("Leave")),
)  # fmt: skip
