"""How one dispute reads on its page: what was filed, what both sides say, the money as a table, and the docket."""

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

from odr.disputes.acts import extension_days, rows_for
from odr.disputes.queries import Line, Page
from odr.disputes.turns import after_challenge, line_of, open_offer, turn_of, waits_for_registrar
from odr.factors.sentences import Told, told_of
from odr.identity.filters import levels
from odr.identity.queries import Known
from odr.kernel import Money, totals
from odr.log.consent import NAME as CONSENT
from odr.procedure import access
from odr.procedure.dispute import SIDES, Decision, Dispute, Mandate, Offer, Phase, Proposal
from odr.procedure.events import Term
from odr.web import sentences
from odr.web.filters import bidi, link_to, money_markup, number, paragraphs
from odr.web.language import manner

Row = dict[str, Any]

# Whom a docket line is about, for the filters above it.
KINDS = {
    "offers": ("offer_", "negotiation_", "agreement_", "settlement_", "direct_settlement_"),
    "evidence": ("evidence_", "upload_", "rebuttal_", "late_evidence_"),
    "messages": ("message_", "walled_message_", "mediation_message_"),
    "mediator": (
        "pool_", "mediator_", "draw_", "objection_", "challenge_", "mediation_opened", "mediation_ended", "proposal_",
    ),
    "decision": ("decision_", "final_words_", "file_closed"),
    "compliance": ("performance_", "confirmation_", "compliance_"),
    "time": (
        "extension_", "last_call_", "admission_overdue", "seller_silent", "scope_", "default_track_", "draw_overdue",
        "challenge_overdue", "decision_overdue", "suspension_", "dispute_suspended", "dispute_resumed", "notice_",
        "address_",
    ),
    "words": ("hold_", "erasure_", "words_"),
}  # fmt: skip
KIND_NAMES = {
    "all": _("Everything"),
    "offers": _("Offers"),
    "evidence": _("Evidence"),
    "messages": _("Messages"),
    "mediator": _("The mediator"),
    "decision": _("The decision"),
    "compliance": _("Carrying it out"),
    "time": _("Time limits"),
    "words": _("Erased and kept words"),
}
# Facts whose words stand elsewhere on the page.
_TOLD_ELSEWHERE = frozenset(
    {
        "dispute_filed", "reply_given", "address_given", "evidence_added", "message_sent", "walled_message_sent",
        "mediation_message_sent", "proposal_made", "decision_issued",
    }
)  # fmt: skip
_MESSAGES = ("message_sent", "walled_message_sent", "mediation_message_sent")

MEDIA = {
    "application/pdf": _("PDF"),
    "image/": _("Picture"),
    "text/": _("Text"),
}

_DESKS = {"registrar": "filing.desk", "mediator": "mediation.desk"}

# What an ending means for both sides, in the same words for either.
AFTER = {
    "withdrawn": _("Nobody decided on it, and the buyer may file it once more."),
    "incomplete": _("The filing was not completed in time. The buyer can file it again at no cost."),
    "declined": _("The seller did not take part. This is recorded and counted in the published figures."),
    "settled_direct": _("The buyer said that both sides settled directly. Nothing is left to be done here."),
    "refused": _("The refusal stands. Nobody decided who is right, and other ways remain open to both sides."),
    "agreed": _("Both sides are bound by the agreement. The seller carries it out within its time."),
    "agreed_nothing": _("Both sides agreed to let the matter rest. Nothing is to be carried out."),
    "not_served": _(
        "Nobody decides against a seller who was never reached. The buyer can file the dispute again at no cost."
    ),
    "moved_to_court": _("Nobody decided on it here."),
    "out_of_hands": _("Nobody decided on it here."),
    "accepted": _("The seller carries out what the decision grants within its time."),
    "accepted_nothing": _("The decision grants nothing, so nothing is to be carried out."),
    "not_accepted": _(
        "It binds nobody. The seller is asked to carry it out all the same, and the buyer can say whether that was "
        "done."
    ),
    "not_accepted_nothing": _("It binds nobody. Every other way, a court among them, remains open to both sides."),
}
# The same once it is known, or can no longer be known, what became of what was promised or granted.
AFTER_ALL = {
    "honoured": _("Nothing more is expected of either side."),
    "late": _("Nothing more is expected of either side."),
    "not_honoured": _(
        "This is recorded and counted in the published figures. Every other way, a court among them, remains open to "
        "the buyer."
    ),
    "unknown": _("It could not be found out in time, and is counted as unknown."),
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
        """Whether the reader is one of the two sides: offers, bids and the talk around them are for nobody else."""
        return self.may_read("offers:read")

    @property
    def desk(self) -> str | None:
        """The desk that this reader came from; None for the sides, who come from their list."""
        return link_to(_DESKS[self.role]) if self.role in _DESKS else None

    @property
    def reads_file(self) -> bool:
        """Whether the words and files of both sides are for this reader: the sides themselves, and the mediator."""
        return self.may_read("evidence:read")

    def may_read(self, permission: str) -> bool:
        """Whether a part of the dispute that has a permission of its own is for this reader."""
        return access.may(permission, self.dispute, self.page.seat.actor, self.page.at)

    @property
    def title(self) -> Any:
        """What was bought, in the buyer's words; what went wrong where these were erased."""
        bought = (self.filing.get("order") or {}).get("bought")
        return bidi(str(bought)) if bought else sentences.CATEGORIES[self.dispute.category]

    # -- who acts for a side ----------------------------------------------------------------------------------------

    @property
    def acting(self) -> Row | None:
        """The mandate on which the reader is here; None for everybody who sits here themselves."""
        mandate = self.dispute.mandate_of(self.page.seat.actor.id)
        return self._mandate(mandate) if mandate else None

    def representatives(self, side: str) -> list[Row]:
        """Who acts for a side, or was named to, as far as that is not over."""
        return [self._mandate(each) for each in access.open_mandates(self.dispute, side, self.page.at)]

    @property
    def former_representatives(self) -> list[Row]:
        """Whose mandates are over, the first given first."""
        over = (each for each in self.dispute.mandates if not access.mandate_is_open(self.dispute, each, self.page.at))
        return [self._mandate(each) for each in over]

    def _mandate(self, mandate: Mandate) -> Row:
        words = self.page.line(mandate.version).words
        return {
            "version": mandate.version,
            "side": mandate.side,
            "name": words.get("name"),
            "relation": words.get("relation"),
            "covers": sentences.SCOPES[mandate.scope],
            "meaning": sentences.COVERED[mandate.side][mandate.scope],
            "until": access.mandate_end(self.dispute, mandate),
            "taken_up": mandate.taken_up_at,
            "you": mandate.representative == self.page.seat.actor.id,
            "may_end": self.may("mandate:end") and mandate.side == self.role,
        }

    # -- whose turn, and what may be done ---------------------------------------------------------------------------

    @property
    def turn(self) -> Row | None:
        """The banner; None when the dispute is over and nothing runs any more."""
        return turn_of(self.page)

    @property
    def line(self) -> Row:
        """The procedure line."""
        return line_of(self.page)

    @property
    def acts(self) -> list[Row]:
        """The act panel."""
        return rows_for(self.page)

    @property
    def open_offer(self) -> Offer | None:
        """The offer that can be answered now, for those who may know of it."""
        return open_offer(self.page)

    @property
    def extension_days(self) -> int:
        return extension_days(self.page)

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

    def erased(self, version: int) -> Row | None:
        """That words of an entry are gone: since when (`at`), and which `entry` of the docket records it, with its
        number in the log once it has one; None where none are."""
        gone = self.dispute.erasure_of(version)
        if gone is None or gone.done is None:
            return None
        return {"at": gone.done_at, "entry": gone.done, "number": self.page.line(gone.done).position}

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
        gone = {"buyer": self.erased(1), "seller": self.erased(reply.version) if reply else None}
        return [
            {
                "role": side,
                "name": (self.filing.get(side) or {}).get("name"),
                "country": country(self.dispute.buyer_country if side == "buyer" else self.dispute.seller_country),
                "reply": sentences.sentence(reply.type, reply.data) if reply and side == "seller" else "",
                "says": said[side],
                "erased": None if said[side] else gone[side],
                "you": side == self.role and self.acting is None,
                "acting": self.representatives(side),
                "known": self.known_of(side),
            }
            for side in SIDES
        ]

    def known_of(self, side: str) -> list[Any]:
        """What is confirmed of a side, one line each. The order is the buyer's word, whoever confirmed it."""
        known = self.page.identities.get(side, Known())
        return levels(known, self.dispute.order_proven if side == "buyer" else ())

    @property
    def evidence(self) -> list[Row]:
        """The files, in the order they came, with what each shows and its digest."""
        if not self.reads_file:
            return []
        rows = []
        for item in self.dispute.evidence:
            words = self.page.line(item.version).words
            file = json.loads(words.get("file") or "{}")
            gone = self.erased(item.version) if not file else None
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
                    "erased": gone,
                    "href": None if gone else link_to("evidence.item", number=self.number, item=item.item),
                    "picture": link_to("evidence.preview", number=self.number, item=item.item)
                    if item.media in _DRAWN and not gone
                    else None,
                    "notes": [sentences.NOTES[note] for note in item.notes if not self._is_admitted(item.item, note)],
                }
            )
        return rows

    def _is_admitted(self, item: int, note: str) -> bool:
        return note == "late" and item in self.dispute.admitted_late

    @property
    def messages(self) -> list[Line]:
        """What was written, the first one first."""
        return [line for line in self.page.docket if line.type in _MESSAGES]

    @property
    def message_readers(self) -> Any:
        """Who will read what is written now."""
        if self.dispute.phase is Phase.MEDIATION:
            return _("Both sides and the mediator read it. If somebody else decides later, it stays hidden from them.")
        if self.dispute.phase in (Phase.AWAITING_RESPONSE, Phase.EVIDENCE):
            return _("The other side reads it as you write it. It becomes part of the file.")
        return _("The other side reads it as you write it. Whoever decides never sees it.")

    @property
    def mediator(self) -> Row | None:
        """Who mediates and decides: a name or else a code, whether and since when in place, and the way to the draw.
        None while nobody is drawn."""
        dispute = self.dispute
        if not dispute.mediator:
            return None
        since = [line.at for line in self.page.docket if line.type == "mediator_accepted"]
        return {
            "name": self.page.seat.mediator_name,
            "code": dispute.mediator[:8],
            "since": since[-1] if dispute.appointed and since else None,
            "you": self.role == "mediator",
            "draw": link_to("mediation.draw_record", number=self.number),
        }

    @property
    def requests(self) -> list[Row]:
        """The evidence that the mediator asked for and that can still come, with until when."""
        dispute = self.dispute
        if dispute.file_closed_at is not None or dispute.phase not in (Phase.MEDIATION, Phase.DECISION):
            return []
        return [
            {
                "sentence": sentences.sentence("evidence_requested", {"side": request.side}),
                "words": self.page.line(request.version).words.get("text", ""),
                "due": request.due,
                "over": self.page.at >= request.due,
                "href": link_to("evidence.add", number=self.number) if request.side == self.role else None,
            }
            for request in dispute.requests
        ]

    @property
    def challenge(self) -> Row | None:
        """The challenge that a registrar has not decided yet: by whom, on which ground, and until when."""
        open_one = self.dispute.challenge
        if open_one is None:
            return None
        return {
            "title": sentences.sentence("challenge_made", {"side": open_one.side}),
            "ground": sentences.CHALLENGE_GROUNDS[open_one.ground],
            "words": self.page.line(open_one.version).words.get("text", ""),
            "due": open_one.clock.due,
            # The banner says until when where nothing goes on before, and to whoever decides.
            "in_banner": self.may("challenge:decide") or waits_for_registrar(self.dispute),
            "otherwise": after_challenge(self.dispute),
        }

    @property
    def mail_came_back(self) -> bool:
        """Whether mail to this reader came back while something still has its time, so that they see to the address."""
        return self.role in self.dispute.returned and self.dispute.step is not None

    # -- the money ----------------------------------------------------------------------------------------------

    @property
    def money(self) -> Row:
        """The whole story of the money as a table of items: columns in the order of time, rows by remedy."""
        dispute = self.dispute
        columns = [_claim_column(dispute)]
        if self.is_party:
            columns += [_offer_column(offer) for offer in dispute.offers]
        if self.reads_file:
            columns += [_proposal_column(proposal) for proposal in dispute.proposals]
            if dispute.decision:
                columns.append(_decision_column(dispute.decision))
            if dispute.agreement:
                at = self.page.line(dispute.agreement.version).at
                columns.append(Column(_head(_("Agreement"), at=at, state="chosen"), dispute.agreement.terms, AGREED))
            columns += _performance_column(dispute)
        return {"columns": [column.head for column in columns], **_table(dispute, columns)}

    @property
    def offers_href(self) -> str | None:
        """The room of the offers, once this reader can read one there."""
        return link_to("negotiation.offers", number=self.number) if self.dispute.offers and self.is_party else None

    @property
    def decision_href(self) -> str | None:
        """The page of the decision, once this reader can read one there."""
        return link_to("decision.decision", number=self.number) if self.dispute.decision and self.reads_file else None

    @property
    def proposal_href(self) -> str | None:
        """The page of the latest proposal, once this reader can read one there."""
        made = self.dispute.proposals
        if not made or not self.reads_file:
            return None
        return link_to("mediation.proposal", number=self.number, proposal=made[-1].number)

    @property
    def case_file_href(self) -> str | None:
        """Where this reader gets all that they may have of the dispute in one archive."""
        return link_to("casefile.case_file", number=self.number) if self.may_read("casefile:read") else None

    @property
    def agreement(self) -> Row | None:
        """The agreed terms as a table of one column, once there are any."""
        dispute = self.dispute
        if dispute.agreement is None:
            return None
        return {"columns": [_head(AGREED, state="chosen")], **table_of(dispute, [dispute.agreement.terms], AGREED)}

    @property
    def claim(self) -> Row:
        """The claim as a table of one column, for a page that asks to answer it."""
        return {"columns": [_head(_("Claim"))], **table_of(self.dispute, [claim_of(self.dispute)], ASKED)}

    @property
    def ordered_on(self) -> str:
        return calendar_day(self.dispute.ordered_on)

    def signature(self, side: str) -> int | None:
        """When this side signed the agreement, None while it has not."""
        line = self._signature(side)
        return line.at if line else None

    def signed_for(self, side: str) -> bool:
        """Whether a representative signed the agreement in the name of this side."""
        line = self._signature(side)
        return line is not None and self.by_representative(line)

    def signed_how(self, side: str) -> Told | None:
        """How this side consented when it signed the agreement; None where nothing is kept of that."""
        line = self._signature(side)
        return self.consent_of(line) if line else None

    def consent_of(self, line: Line) -> Told | None:
        """How whoever made this entry consented to what it says; None where nothing is kept of that."""
        payload = line.words.get(CONSENT)
        return told_of(line.role, payload, for_another=self.by_representative(line)) if payload else None

    def _signature(self, side: str) -> Line | None:
        signed = (line for line in self.page.docket if line.type == "settlement_signed")
        return next((line for line in signed if line.data["side"] == side), None)

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
        told = [text for name, text in line.words.items() if text and name != CONSENT]
        words = [] if line.type in _TOLD_ELSEWHERE else told
        href, label = self._target(line)
        return {
            "version": line.version,
            "at": line.at,
            "role": line.role,
            "actor": (sentences.BY_REPRESENTATIVE if self.by_representative(line) else sentences.SIDES)[line.role],
            "sentence": sentences.sentence(line.type, line.data),
            "words": "\n\n".join(words),
            "consent": self.consent_of(line),
            "erased": self.erased(line.version),
            "href": href,
            "label": label,
            "seal": {
                "number": line.position,
                "checkpoint": line.checkpoint,
                "href": self.receipt_of(line),
            },
        }

    def by_representative(self, line: Line) -> bool:
        """Whether somebody else made this entry in the name of a side."""
        return line.role in SIDES and self.dispute.side_of(line.actor) is None

    def receipt_of(self, line: Line) -> str | None:
        """Where this reader has the receipt of an entry; None while it waits for its seal, or is for others."""
        sealed = line.checkpoint is not None and self.has_receipt(line)
        return link_to("disputes.receipt", number=self.number, version=line.version) if sealed else None

    def has_receipt(self, line: Line) -> bool:
        """Whether the receipt of this entry is for this reader."""
        reader = access.reader_of(self.dispute, self.page.seat.actor)
        return access.may_have_receipt(reader, line.event.reach, line.role)

    def _target(self, line: Line) -> tuple[str | None, Any]:
        if line.type in ("dispute_filed", "reply_given") and self.reads_file:
            return "#sides", _("Read it")
        if line.type in ("evidence_added", "late_evidence_admitted") and self.reads_file:
            return f"#evidence-{line.data['item']}", _("Look at it")
        if line.type in _MESSAGES:
            return f"#message-{line.version}", _("Read it")
        if line.type == "proposal_made" and self.reads_file:
            return link_to("mediation.proposal", number=self.number, proposal=line.data["proposal"]), _("Read it")
        endpoint, permission, label = _ROOMS.get(line.type, ("", "dispute:read", None))
        return (link_to(endpoint, number=self.number), label) if self.may_read(permission) else (None, None)

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
        """How the dispute ended, and what that means; beside it the second field, what became of what was promised or
        granted. None while the dispute goes on."""
        dispute = self.dispute
        if dispute.code is None:
            return None
        promised = dispute.compliance not in (None, "none")
        return {
            "title": sentences.CLOSINGS[dispute.code],
            "after": AFTER_ALL.get(dispute.compliance or "") or AFTER[_ending(dispute, promised)],
            "compliance": sentences.COMPLIANCE[dispute.compliance] if promised and dispute.compliance else None,
            "perform_by": dispute.perform_by if dispute.compliance == "due" else None,
            "at": dispute.closed_at,
        }


def _ending(dispute: Dispute, promised: bool) -> str:
    """Which of the sentences of `AFTER` this ending is told in."""
    kind, _colon, further = (dispute.code or "").partition(":")
    if dispute.agreement:
        return "agreed" if promised else "agreed_nothing"
    if dispute.decision and kind.startswith("decided_"):
        return further if promised else f"{further}_nothing"
    return kind


# Where the docket leads for what has a page of its own, for whom, and in which words.
_ROOMS = {
    "offer_made": ("negotiation.offers", "offers:read", _("Read it")),
    "pool_committed": ("mediation.draw_record", "dispute:read", _("Look at the draw")),
    "mediator_drawn": ("mediation.draw_record", "dispute:read", _("Look at the draw")),
    "decision_issued": ("decision.decision", "evidence:read", _("Read it")),
    "agreement_reached": ("disputes.settlement", "settlement:read", _("Read it")),
}


def _typed(text: Any) -> Any:
    return bidi(str(text)) if text else None


def kind_of(media: str) -> Any:
    """The kind of a file in a word."""
    return next((words for start, words in MEDIA.items() if media.startswith(start)), _("File"))


ASKED, OFFERED, PROPOSED, GRANTED, AGREED = _("Asked for"), _("Offered"), _("Proposed"), _("Granted"), _("Agreed")
CARRIED_OUT = _("Carried out")


@dataclass(frozen=True)
class Column:
    """One column of the money: its head, what it gives on each item, the word for what is given without an amount, and
    the costs beside the claim."""

    head: Row
    terms: tuple[Term, ...]
    word: Any
    costs: Money | None = None

    @property
    def sums(self) -> dict[str, Money]:
        given = [term.amount for term in self.terms if term.granted and term.amount]
        return totals([*given, self.costs] if self.costs else given)


def claim_of(dispute: Dispute) -> tuple[Term, ...]:
    """The claim as terms that grant all of it."""
    return tuple(Term(place, True, item.amount) for place, item in enumerate(dispute.items))


def _head(title: Any, *, who: Any = "", at: int | None = None, state: str = "open", note: Any = "") -> Row:
    return {"title": title, "who": who, "at": at, "state": state, "note": note}


def _claim_column(dispute: Dispute) -> Column:
    return Column(_head(_("Claim"), who=sentences.SIDES["buyer"], at=dispute.filed_at), claim_of(dispute), ASKED)


# How the head of an offer or a proposal looks by what became of it.
_LOOKS = {"open": "chosen", "accepted": "open"}


def _offer_column(offer: Offer) -> Column:
    head = _head(
        _("Offer %(place)s", place=number(offer.number + 1)),
        who=sentences.SIDES[offer.side],
        at=offer.at,
        state=_LOOKS.get(offer.state, "closed"),
        note=sentences.OFFER_STATES[offer.state],
    )
    return Column(head, offer.terms, OFFERED)


def _proposal_column(proposal: Proposal) -> Column:
    head = _head(
        _("Proposal %(place)s", place=number(proposal.number + 1)),
        who=sentences.SIDES["mediator"],
        at=proposal.at,
        state=_LOOKS.get(proposal.state, "closed"),
        note=sentences.PROPOSAL_STATES[proposal.state],
    )
    return Column(head, proposal.terms, PROPOSED)


def _decision_column(decision: Decision) -> Column:
    head = _head(_("Decision"), who=sentences.SIDES["mediator"], at=decision.at, state="chosen")
    return Column(head, decision.terms, GRANTED, decision.costs)


def _performance_column(dispute: Dispute) -> list[Column]:
    """What was carried out, as far as somebody says so and the other side has not denied it."""
    source = dispute.agreement or dispute.decision
    if source is None or dispute.compliance not in ("performed", "honoured", "late"):
        return []
    note = sentences.COMPLIANCE[dispute.compliance]
    head = _head(CARRIED_OUT, who=sentences.SIDES["seller"], at=dispute.performed_at, note=note)
    costs = dispute.decision.costs if dispute.decision and not dispute.agreement else None
    return [Column(head, source.terms, CARRIED_OUT, costs)]


def table_of(dispute: Dispute, terms: list[tuple[Term, ...]], last: Any = OFFERED) -> Row:
    """Rows by remedy and sums by currency for columns of terms, the first of several being the claim. `last` is the
    word in the last one for what is given without an amount."""
    words = [OFFERED] * len(terms)
    words[0], words[-1] = ASKED, last
    return _table(dispute, [Column({}, column, word) for column, word in zip(terms, words, strict=True)])


def _table(dispute: Dispute, columns: list[Column]) -> Row:
    """Rows by remedy and sums by currency; amounts of different currencies are never added."""
    rows = [
        {
            "remedy": sentences.REMEDIES[item.remedy],
            "cells": [_cell(column.terms[place], column.word) for column in columns],
        }
        for place, item in enumerate(dispute.items)
    ]
    costs = [column.costs for column in columns]
    if any(costs):
        rows.append({"remedy": _("Costs beside the claim"), "cells": costs})
    sums = [column.sums for column in columns]
    counted = [
        {"currency": currency, "cells": [column.get(currency) for column in sums]}
        for currency in sorted({currency for column in sums for currency in column})
    ]
    # A sum under a single row would only repeat it.
    amounts = len([item for item in dispute.items if item.amount]) + bool(any(costs))
    return {"rows": rows, "totals": counted if amounts > 1 else []}


def _cell(term: Term, word: Any) -> Money | str | None:
    if not term.granted:
        return None
    return term.amount or str(word)
