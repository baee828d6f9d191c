"""How one dispute reads on its page: whose turn it is, what may be done, the money as a table, and the docket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from babel.dates import format_date
from flask_babel import lazy_gettext as _
from flask_babel import ngettext

from odr.disputes.queries import Line, ListRow, Page
from odr.kernel import Money, totals
from odr.procedure import access
from odr.procedure.dispute import SIDES, Dispute, Offer, Phase
from odr.procedure.events import Term
from odr.web import sentences
from odr.web.filters import amount, bidi, link_to, money_markup, number, paragraphs, time_left
from odr.web.language import manner

Row = dict[str, Any]

# What the reader does whose time runs; whoever waits reads the sentence about the other side.
YOURS = {
    "screening": _("Check whether the dispute can be admitted."),
    "screening_last": _("Check whether the dispute can be admitted; the time for it has already run out once."),
    "information": _("Complete your filing with what the registrar asks for."),
    "review": _("You can ask another registrar to review the refusal."),
    "reply": _("Reply to the claim."),
    "scope": _("Decide whether the dispute belongs here."),
    "last_call": _("Reply to the claim now. This is the last call."),
    "evidence": _("Add your evidence, and say when your file is complete."),
    "rebuttal": _("You can answer the evidence that came in late."),
    "negotiation": _("Make an offer, or write to the other side."),
    "sign": _("Read the agreement and sign it."),
}
ANSWER_OFFER = _("Answer the open offer: accept it, reject it, or make another one.")
ANSWER_AMOUNT = _("Answer the open offer of %(amount)s: accept it, reject it, or make another one.")
AWAITED_AMOUNT = {
    "buyer": _("The buyer answers the open offer of %(amount)s."),
    "seller": _("The seller answers the open offer of %(amount)s."),
}
AWAITED = {
    "evidence": {
        "buyer": _("The seller’s file is complete. The buyer may still add evidence."),
        "seller": _("The buyer’s file is complete. The seller may still add evidence."),
    },
    "negotiation": {
        "buyer": _("The buyer answers the open offer."),
        "seller": _("The seller answers the open offer."),
    },
    "sign": {
        "buyer": _("The seller has signed the agreement. The buyer signs it next."),
        "seller": _("The buyer has signed the agreement. The seller signs it next."),
    },
}
OFFER_ENDS = _("After that the offer ends without an answer, and either side can make another one.")

# Whom a docket line is about, for the filters above it.
KINDS = {
    "offers": ("offer_", "negotiation_", "agreement_", "settlement_", "direct_settlement_"),
    "evidence": ("evidence_", "upload_", "rebuttal_"),
    "messages": ("message_", "walled_message_"),
    "time": ("extension_", "last_call_", "admission_overdue", "seller_silent", "scope_"),
}
KIND_NAMES = {
    "all": _("Everything"),
    "offers": _("Offers"),
    "evidence": _("Evidence"),
    "messages": _("Messages"),
    "time": _("Time limits"),
}
# Facts whose words stand elsewhere on the page.
_TOLD_ELSEWHERE = frozenset({"dispute_filed", "reply_given", "evidence_added", "message_sent", "walled_message_sent"})

MEDIA = {
    "application/pdf": _("PDF"),
    "image/": _("Picture"),
    "text/": _("Text"),
}

# What an ending means for both sides, in the same words for either.
AFTER = {
    "withdrawn": _("The buyer withdrew the dispute. Nobody decided on it, and the buyer may file it once more."),
    "incomplete": _("The filing was not completed in time. The buyer can file it again at no cost."),
    "declined": _("The seller did not take part. This is recorded and counted in the published figures."),
    "settled_direct": _("The buyer said that both sides settled directly. Nothing is left to be done here."),
    "refused": _("The refusal stands. Nobody decided who is right, and other ways remain open to both sides."),
    "agreed": _("Both sides are bound by the agreement. The seller carries it out within its time."),
}
# The kinds of pictures that the evidence room makes small ones of.
_DRAWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/tiff"})


def calendar_day(iso: str) -> str:
    """A day without an hour, as 2026-03-27 in an entry: the same day in every zone, the month in words."""
    return format_date(date.fromisoformat(iso), "long", locale=manner())


def country(code: str) -> str:
    return str(manner().territories.get(code, code))


@dataclass(frozen=True)
class Reading:
    """A page as its reader sees it. Templates ask it and `may`; they compare neither roles nor phases."""

    page: Page

    def may(self, permission: str) -> bool:
        return self.page.may(permission)

    @property
    def dispute(self) -> Dispute:
        return self.page.dispute

    @property
    def number(self) -> str:
        return self.page.seat.number

    @property
    def role(self) -> str:
        return self.page.seat.actor.role

    @property
    def is_party(self) -> bool:
        """Whether the words, files and offers of the parties are for this reader."""
        return access.may("evidence:read", self.dispute, self.page.seat.actor, self.page.at)

    @property
    def title(self) -> Any:
        """What was bought, in the buyer's words; what went wrong where these were erased."""
        bought = (self.filing.get("order") or {}).get("bought")
        return bidi(str(bought)) if bought else sentences.CATEGORIES[self.dispute.category]

    # -- whose turn ---------------------------------------------------------------------------------------------

    @property
    def turn(self) -> Row | None:
        """The banner: holder, act, due and what happens otherwise; None when the dispute is over."""
        if self.dispute.phase is Phase.CLOSED:
            return None
        if self.dispute.clock is None:
            waiting = sentences.WAITING.get(str(self.dispute.phase), "")
            return {"holder": "nobody", "act": waiting, "due": None, "otherwise": ""}
        step, awaited = self.dispute.clock.step, self.awaited
        offer = self.open_offer if step == "negotiation" else None
        return {
            "holder": "you" if self._is_mine(awaited) else awaited,
            "act": self._expected(step, awaited, offer),
            "due": min(self.dispute.clock.due, offer.expires) if offer else self.dispute.clock.due,
            "otherwise": OFFER_ENDS if offer and offer.expires < self.dispute.clock.due else sentences.ON_EXPIRY[step],
        }

    @property
    def awaited(self) -> str:
        """Whose act is awaited, "nobody" when no time runs."""
        return self.dispute.awaited or "nobody"

    def _is_mine(self, awaited: str) -> bool:
        # Of registrars it can be any but the one whose refusal is reviewed.
        can_act = self.is_party or self.may("filing:admit") or self.may("scope:decide")
        return awaited == self.role and can_act

    def _expected(self, step: str, awaited: str, offer: Offer | None) -> Any:
        if self._is_mine(awaited):
            return _with_amount(ANSWER_AMOUNT, ANSWER_OFFER, offer) if offer else YOURS[step]
        if offer:
            return _with_amount(AWAITED_AMOUNT[awaited], AWAITED[step][awaited], offer)
        if awaited == "both":
            return YOURS[step] if self.is_party else sentences.EXPECTED[step]
        return AWAITED.get(step, {}).get(awaited, sentences.EXPECTED[step])

    @property
    def line(self) -> Row:
        """The procedure line: the present step, the side road in words, and the steps passed over."""
        reached = self._reached()
        if self.dispute.phase is Phase.CLOSED:
            return {"present": "done", "road": "", "skipped": [step for step in _STEPS[:-1] if step not in reached]}
        present = _STEP_OF.get(self.dispute.phase) or [step for step in _STEPS if step in reached][-1]
        skipped = [step for step in _STEPS[: _STEPS.index(present)] if step not in reached]
        return {"present": present, "road": _ROADS.get(self.dispute.phase, ""), "skipped": skipped}

    def _reached(self) -> set[str]:
        dispute = self.dispute
        return {
            step
            for step, was in (
                ("filed", True),
                ("reply", dispute.admitted_at is not None),
                ("evidence", dispute.reply in ("offer", "contest")),
                ("negotiation", any(line.type == "negotiation_opened" for line in self.page.docket)),
                ("mediation", dispute.phase is Phase.ASSIGNMENT),
                ("decision", dispute.phase is Phase.DEFAULT_TRACK),
            )
            if was
        }

    # -- what may be done ---------------------------------------------------------------------------------------

    @property
    def acts(self) -> list[Row]:
        """What this reader may do now, the most needed first; only what this house has a page for."""
        rows = [row for permission, build in _ACTS if self.may(permission) for row in [build(self)] if row["where"]]
        mine = self.awaited in (self.role, "both")
        for place, row in enumerate(rows):
            row[row.pop("how")] = row.pop("where")
            row.setdefault("kind", "" if place == 0 and row.pop("main", False) and mine else "second")
        return rows

    @property
    def open_offer(self) -> Offer | None:
        """The offer that can be answered now, for those who may know of it."""
        offer = self.dispute.open_offer
        return offer if offer and self.is_party and self.page.at < offer.expires else None

    @property
    def extension_days(self) -> int:
        clock = self.dispute.clock
        return self.dispute.rules.steps[clock.step].extension_days if clock else 0

    @property
    def reply_choices(self) -> tuple[str, ...]:
        """The replies that are still open: the scope is objected to once."""
        spent = {"object"} if self.dispute.objected_once else set()
        return tuple(choice for choice in self.dispute.rules.reply_choices if choice not in spent)

    @property
    def reply_hints(self) -> Mapping[str, str]:
        """What each reply that the ruleset knows leads to."""
        scope = self.dispute.rules.steps["scope"].days
        hints = {
            "accept_all": _("You agree to everything that is asked for. This binds you, and both sides sign it."),
            "offer": _("You answer the claim item by item. The buyer may accept; meanwhile both show their evidence."),
            "contest": _("You say why the claim is not right. Both show their evidence, and after that you negotiate."),
            "object": ngettext(
                "A registrar decides that within %(num)d day. If the dispute stays, your time to reply begins anew.",
                "A registrar decides that within %(num)d days. If the dispute stays, your time to reply begins anew.",
                scope,
            ),
            "decline": _(
                "The dispute ends without a decision. Your refusal is recorded and counted in public figures."
            ),
        }
        return {choice: hints[choice] for choice in self.reply_choices}

    @property
    def replies(self) -> list[Row]:
        """The replies with what each leads to, for the notice to the seller."""
        return [{"title": sentences.REPLIES[choice], "consequence": hint} for choice, hint in self.reply_hints.items()]

    # -- what was filed -----------------------------------------------------------------------------------------

    @cached_property
    def filing(self) -> Mapping[str, Any]:
        """What was filed in words. A part that was erased is missing."""
        return self.page.filing

    @property
    def filed(self) -> list[Row]:
        """The filing as facts, without the story."""
        dispute, order = self.dispute, self.filing.get("order") or {}
        site, answer = (self.filing.get("seller") or {}).get("site"), order.get("answer")
        rows = (
            (_("What went wrong, as the buyer says"), sentences.CATEGORIES[dispute.category]),
            (_("What was bought"), _typed(order.get("bought"))),
            (_("Price paid"), money_markup(dispute.paid) if dispute.paid else None),
            (_("Order number"), _typed(order.get("reference"))),
            (_("Web site of the seller"), _typed(site)),
            (_("Ordered on"), self.ordered_on),
            (_("The buyer first wrote to the seller on"), calendar_day(dispute.contacted_on)),
            (_("What the seller answered then, as the buyer says"), paragraphs(str(answer)) if answer else None),
        )
        return [{"key": key, "value": value} for key, value in rows if value]

    @property
    def sides(self) -> list[Row]:
        """Both sides with the same weight, the buyer first: role, name, country, and what each says."""
        reply = next((line for line in reversed(self.page.docket) if line.type == "reply_given"), None)
        said = {
            "buyer": self.filing.get("narrative"),
            "seller": reply.words.get("text") if reply else None,
        }
        return [
            {
                "role": side,
                "name": (self.filing.get(side) or {}).get("name"),
                "country": country(self.dispute.buyer_country if side == "buyer" else self.dispute.seller_country),
                "reply": sentences.sentence(reply.type, reply.data) if reply and side == "seller" else "",
                "says": said[side],
                "you": side == self.role,
            }
            for side in SIDES
        ]

    @property
    def evidence(self) -> list[Row]:
        """The files, in the order they came, with what each shows and its digest."""
        if not self.is_party:
            return []
        rows = []
        for item in self.dispute.evidence:
            words = self.page.line(item.version).words
            file = json.loads(words.get("file") or "{}")
            rows.append(
                {
                    "number": item.item,
                    "title": words.get("name") or str(_("File without a name")),
                    "shows": words.get("about"),
                    "role": item.side,
                    "actor": sentences.SIDES[item.side],
                    "received": item.at,
                    "kind": kind_of(item.media),
                    "size": item.size,
                    "digest": file.get("sha256", ""),
                    "href": link_to("evidence.item", number=self.number, item=item.item),
                    "picture": link_to("evidence.preview", number=self.number, item=item.item)
                    if item.media in _DRAWN
                    else None,
                    "notes": [sentences.NOTES[note] for note in item.notes],
                }
            )
        return rows

    @property
    def messages(self) -> list[Line]:
        """What the sides wrote to each other, the first one first."""
        return [line for line in self.page.docket if line.type in ("message_sent", "walled_message_sent")]

    # -- the money ----------------------------------------------------------------------------------------------

    @property
    def money(self) -> Row:
        """The claim and all offers as a table of items: columns in the order of time, rows by remedy."""
        dispute = self.dispute
        offers = dispute.offers if self.is_party else ()
        claim = tuple(Term(place, True, item.amount) for place, item in enumerate(dispute.items))
        columns = [
            {"title": _("Claim"), "who": sentences.SIDES["buyer"], "at": dispute.filed_at, "state": "open", "note": ""},
            *(_offer_column(offer) for offer in offers),
        ]
        terms, last = [claim, *(offer.terms for offer in offers)], OFFERED if offers else ASKED
        if dispute.agreement and self.is_party:
            at = self.page.line(dispute.agreement.version).at
            columns.append({"title": _("Agreement"), "who": "", "at": at, "state": "chosen", "note": ""})
            terms.append(dispute.agreement.terms)
            last = AGREED
        return {"columns": columns, **table_of(dispute, terms, last)}

    @property
    def offers_href(self) -> str | None:
        """The room of the offers, once this reader can read one there."""
        return link_to("negotiation.offers", number=self.number) if self.dispute.offers and self.is_party else None

    @property
    def agreement(self) -> Row | None:
        """The agreed terms as a table of one column, once there are any."""
        dispute = self.dispute
        if dispute.agreement is None:
            return None
        column = {"title": AGREED, "who": "", "at": None, "state": "chosen", "note": ""}
        return {"columns": [column], **table_of(dispute, [dispute.agreement.terms], AGREED)}

    @property
    def claim(self) -> Row:
        """The claim as a table of one column, for a page that asks to answer it."""
        column = {"title": _("Claim"), "who": "", "at": None, "state": "open", "note": ""}
        claimed = tuple(Term(place, True, item.amount) for place, item in enumerate(self.dispute.items))
        return {"columns": [column], **table_of(self.dispute, [claimed], ASKED)}

    @property
    def ordered_on(self) -> str:
        return calendar_day(self.dispute.ordered_on)

    def signature(self, side: str) -> int | None:
        """When this side signed the agreement, None while it has not."""
        return next(
            (line.at for line in self.page.docket if line.type == "settlement_signed" and line.data["side"] == side),
            None,
        )

    @property
    def word_ends(self) -> bool:
        """Whether this reader's word that both settled directly ends the dispute: the buyer's does, as it is the
        buyer's claim; the seller's waits for it."""
        return self.role == "buyer"

    # -- the docket ---------------------------------------------------------------------------------------------

    def docket(self, kind: str = "all") -> list[Row]:
        """The entries as people read them, all or those of one kind."""
        signs = KINDS.get(kind, ("",))
        return [self._line(line) for line in self.page.docket if line.type.startswith(signs)]

    def _line(self, line: Line) -> Row:
        words = [] if line.type in _TOLD_ELSEWHERE else [text for text in line.words.values() if text]
        href, label = self._target(line)
        return {
            "version": line.version,
            "at": line.at,
            "role": line.role,
            "actor": sentences.SIDES[line.role],
            "sentence": sentences.sentence(line.type, line.data),
            "words": "\n\n".join(words),
            "href": href,
            "label": label,
            "seal": {
                "number": line.position,
                "checkpoint": line.checkpoint,
                "href": link_to("log.receipt", number=self.number, version=line.version),
            },
        }

    def _target(self, line: Line) -> tuple[str | None, Any]:
        if line.type in ("dispute_filed", "reply_given") and self.is_party:
            return "#sides", _("Read it")
        if line.type == "evidence_added" and self.is_party:
            return f"#evidence-{line.data['item']}", _("Look at it")
        if line.type in ("message_sent", "walled_message_sent"):
            return f"#message-{line.version}", _("Read it")
        return None, None

    @property
    def kinds(self) -> list[tuple[str, Any]]:
        """The filters of the docket that would show something."""
        present = [
            kind for kind, signs in KINDS.items() if any(line.type.startswith(signs) for line in self.page.docket)
        ]
        return [(kind, KIND_NAMES[kind]) for kind in ("all", *present)] if present else []

    # -- what stands out ----------------------------------------------------------------------------------------

    @property
    def last_words(self) -> Mapping[str, str]:
        """The latest entry's words of each type, for what a page repeats at its top."""
        return {line.type: line.words.get("text", "") for line in self.page.docket}

    @property
    def topics(self) -> list[Any]:
        """What the registrar asks the buyer to complete, while that is open."""
        asked = self.dispute.phase is Phase.NEEDS_INFORMATION
        return [sentences.TOPICS[topic] for topic in self.dispute.information_topics] if asked else []

    @property
    def refusal(self) -> Any:
        """The ground on which the filing was not admitted, while that can be reviewed."""
        ground = self.dispute.refused_ground
        return sentences.GROUNDS[ground] if ground and self.dispute.phase is Phase.REFUSED else ""

    @property
    def outcome(self) -> Row | None:
        """How the dispute ended, and what that means; None while it goes on."""
        dispute = self.dispute
        if dispute.code is None:
            return None
        due = dispute.compliance == "due"
        kind = "agreed" if due else dispute.code.partition(":")[0]
        return {
            "title": sentences.CLOSINGS[dispute.code],
            "after": AFTER[kind],
            "perform_by": dispute.agreement.perform_by if due and dispute.agreement else None,
            "at": dispute.closed_at,
        }


_STEPS = ("filed", "reply", "evidence", "negotiation", "mediation", "decision", "done")
# A settled dispute stands at the step where it was settled.
_STEP_OF = {
    Phase.SCREENING: "filed",
    Phase.NEEDS_INFORMATION: "filed",
    Phase.REFUSED: "filed",
    Phase.AWAITING_RESPONSE: "reply",
    Phase.EVIDENCE: "evidence",
    Phase.NEGOTIATION: "negotiation",
    Phase.ASSIGNMENT: "mediation",
    Phase.DEFAULT_TRACK: "decision",
}
_ROADS = {
    Phase.NEEDS_INFORMATION: _("The filing is being completed; the dispute is not yet admitted."),
    Phase.REFUSED: _("The dispute was not admitted; another registrar can be asked to review that."),
    Phase.DEFAULT_TRACK: _("The seller did not reply; the dispute is decided on the papers."),
    Phase.SETTLED: _("Both sides agreed. Only the signatures are missing."),
}


def _typed(text: Any) -> Any:
    return bidi(str(text)) if text else None


def kind_of(media: str) -> Any:
    """The kind of a file in a word."""
    return next((words for start, words in MEDIA.items() if media.startswith(start)), _("File"))


def _with_amount(with_amount: Any, without: Any, offer: Offer) -> Any:
    """The sentence that names the amount, where there is one amount to name."""
    amounts = list(offer.totals.values())
    return str(with_amount) % {"amount": amount(amounts[0])} if len(amounts) == 1 else without


def _offer_column(offer: Offer) -> Row:
    state = {"open": "chosen", "accepted": "open"}.get(offer.state, "closed")
    return {
        "title": _("Offer %(place)s", place=number(offer.number + 1)),
        "who": sentences.SIDES[offer.side],
        "at": offer.at,
        "state": state,
        "note": sentences.OFFER_STATES[offer.state],
    }


ASKED, OFFERED, AGREED = _("Asked for"), _("Offered"), _("Agreed")


def table_of(dispute: Dispute, terms: list[tuple[Term, ...]], last: Any = OFFERED) -> Row:
    """Rows by remedy and sums by currency for columns of terms; amounts of different currencies are never added.

    The first of several columns is the claim. `last` is the word in the last one for what is given without an amount.
    """
    words = [OFFERED] * len(terms)
    words[0], words[-1] = ASKED, last
    rows = [
        {
            "remedy": sentences.REMEDIES[item.remedy],
            "cells": [_cell(column[place], word) for word, column in zip(words, terms, strict=True)],
        }
        for place, item in enumerate(dispute.items)
    ]
    sums = [totals([term.amount for term in column if term.granted and term.amount]) for column in terms]
    counted = [
        {"currency": currency, "cells": [column.get(currency) for column in sums]}
        for currency in sorted({currency for column in sums for currency in column})
    ]
    # A sum under a single row would only repeat it.
    return {"rows": rows, "totals": counted if len([item for item in dispute.items if item.amount]) > 1 else []}


def _cell(term: Term, word: Any) -> Money | str | None:
    if not term.granted:
        return None
    return term.amount or str(word)


# -- the act panel: one row for each permission, the most needed first -------------------------------------------


def _page_act(title: Any, consequence: Any, label: Any, endpoint: str, **more: Any) -> Any:
    """A row that leads to the page of an act."""

    def build(reading: Reading) -> Row:
        where = link_to(endpoint, number=reading.number)
        return {"title": title, "consequence": consequence, "label": label, "how": "href", "where": where, **more}

    return build


def _offer_act(title: Any, consequence: Any, label: Any, endpoint: str, **more: Any) -> Any:
    """A row that leads to the page where the open offer is answered."""

    def build(reading: Reading) -> Row:
        offer = reading.dispute.open_offer
        where = link_to(endpoint, number=reading.number, offer=offer.number) if offer else None
        return {"title": title, "consequence": consequence, "label": label, "how": "href", "where": where, **more}

    return build


def _button_act(title: Any, consequence: Any, label: Any, endpoint: str) -> Any:
    """A row that is itself the form: a small act that binds nobody to an amount."""

    def build(reading: Reading) -> Row:
        where = link_to(endpoint, number=reading.number)
        return {"title": title, "consequence": consequence, "label": label, "how": "action", "where": where}

    return build


def _agree_extension(reading: Reading) -> Row:
    return {
        "title": _("Agree to more time"),
        "consequence": ngettext(
            "The time of the present step becomes %(num)d day longer for both sides. This is possible once per step.",
            "The time of the present step becomes %(num)d days longer for both sides. This is possible once per step.",
            reading.extension_days,
        ),
        "label": _("Agree"),
        "how": "action",
        "where": link_to("disputes.agree_extension", number=reading.number),
    }


def _ask_extension(reading: Reading) -> Row:
    return {
        "title": _("Ask for more time"),
        "consequence": ngettext(
            "If the other side agrees, the present step becomes %(num)d day longer. Until then the time goes on.",
            "If the other side agrees, the present step becomes %(num)d days longer. Until then the time goes on.",
            reading.extension_days,
        ),
        "label": _("Ask for more time"),
        "how": "href",
        "where": link_to("disputes.extension", number=reading.number),
    }


_ACTS = (
    ("direct:deny", _button_act(
        _("Say that nothing was settled directly"),
        _("The seller says that both of you settled directly. If that is not so, the dispute goes on as before."),
        _("It was not settled"), "disputes.deny_direct_settlement")),
    ("reply:give", _page_act(
        _("Reply to the claim"),
        _("You choose among five replies. Nothing binds you before you have seen what it means and confirmed it."),
        _("Reply"), "response.reply", main=True)),
    ("settlement:sign", _page_act(
        _("Sign the agreement"),
        _("You read the whole text first. When both sides have signed, the dispute closes."),
        _("Read and sign"), "disputes.settlement", main=True)),
    ("information:give", _page_act(
        _("Complete the filing"),
        _("You answer what the registrar asked. The admission check then begins anew."),
        _("Complete it"), "filing.information", main=True)),
    ("refusal:review", _page_act(
        _("Ask for a review of the refusal"),
        _("Another registrar looks at it. What that registrar decides is final."),
        _("Ask for a review"), "filing.review")),
    ("filing:admit", _page_act(
        _("Decide on admission"),
        _("You admit the dispute, ask the buyer to complete it, or refuse it on a ground of the closed list."),
        _("Go to the admission check"), "filing.admission", main=True)),
    ("scope:decide", _page_act(
        _("Decide on the objection"),
        _("You keep the dispute, or refuse it on a ground of the closed list."),
        _("Decide on the objection"), "filing.scope", main=True)),
    ("offer:accept", _offer_act(
        _("Accept the open offer"),
        _("You see the amounts first. If you accept, both sides are bound by it, and both are asked to sign."),
        _("Read and accept"), "negotiation.acceptance", main=True)),
    ("offer:make", _page_act(
        _("Make an offer"),
        _("You answer the claim item by item. An offer that is still open, yours or the other side’s, is replaced."),
        _("Make an offer"), "negotiation.offer", main=True)),
    ("offer:reject", _offer_act(
        _("Reject the open offer"),
        _("The offer ends. Either side can make another one."),
        _("Reject it"), "negotiation.rejection")),
    ("offer:withdraw", _offer_act(
        _("Take back your offer"),
        _("The other side can no longer accept it."),
        _("Take it back"), "negotiation.withdrawal")),
    ("evidence:add", _page_act(
        _("Add evidence"),
        _("A picture, a paper or a text that shows what happened. The other side sees it too."),
        _("Add evidence"), "evidence.add", main=True)),
    ("evidence:complete", _page_act(
        _("Say that your file is complete"),
        _("When both sides have said so, the negotiation begins at once."),
        _("My file is complete"), "evidence.completion")),
    ("extension:agree", _agree_extension),
    ("extension:ask", _ask_extension),
    ("extension:grant", _page_act(
        _("Give more time"),
        _("You extend the present step once, with a reason that both sides read."),
        _("Give more time"), "filing.extension")),
    ("direct:state", _page_act(
        _("Say that you settled directly"),
        _("For when both of you have agreed outside. The buyer’s word on it ends the dispute."),
        _("We settled directly"), "disputes.direct_settlement")),
    ("negotiation:leave", _page_act(
        _("Leave the negotiation"),
        _("No further offers are possible. A mediator is appointed who belongs to neither side."),
        _("Leave the negotiation"), "negotiation.leaving")),
    ("dispute:withdraw", _page_act(
        _("Withdraw the dispute"),
        _("The dispute ends without a decision. You may file it once more."),
        _("Withdraw"), "disputes.withdrawal", kind="destroys")),
)  # fmt: skip


# -- the list ---------------------------------------------------------------------------------------------------

MY_ROLE = {"buyer": _("You are the buyer"), "seller": _("You are the seller")}
TURNS = {
    "you": _("Your turn"),
    "both": _("The turn of both sides"),
    "buyer": _("The buyer’s turn"),
    "seller": _("The seller’s turn"),
    "registrar": _("The registrar’s turn"),
}


def list_row(row: ListRow) -> Row:
    """A dispute as a row of a list: number, what it is about, where it stands, whose turn it is and until when."""
    holder = "you" if row.awaited == row.role else row.awaited
    return {
        "href": link_to("disputes.page", number=row.number),
        "cells": [
            row.number,
            sentences.CATEGORIES[row.category],
            MY_ROLE[row.role],
            sentences.CLOSINGS[row.code] if row.code else sentences.PHASES[row.phase],
            TURNS[holder] if holder else "",
            time_left(row.due) if row.due and holder else "",
        ],
        "due": 5 if holder in ("you", "both") else None,
    }
