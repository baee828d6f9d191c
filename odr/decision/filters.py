"""How a decision reads: the document that both sides and the mediator see, and what each side can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import escape

from odr.decision.forms import Choice
from odr.decision.rules import STATEMENTS
from odr.disputes.filters import Reading
from odr.disputes.queries import Line
from odr.kernel import Money, moment, totals
from odr.procedure.dispute import SIDES
from odr.procedure.events import DecisionIssued, Term
from odr.web import sentences
from odr.web.filters import bidi, link_to, number

Row = dict[str, Any]

SHOWN = 160


@dataclass(frozen=True)
class Document:
    """A decision as text: as it was issued, or as its mediator reads it before (`line` is None)."""

    reading: Reading
    issued: DecisionIssued
    words: Mapping[str, str]
    line: Line | None = None

    @property
    def outcome(self) -> Any:
        return sentences.OUTCOMES[self.issued.outcome]

    @property
    def basis(self) -> Any:
        return sentences.BASES[self.issued.basis]

    @property
    def page(self) -> str:
        """The address of the dispute, whose docket this page does not show."""
        return link_to("disputes.page", number=self.reading.number) or ""

    @property
    def reasons(self) -> str:
        return self.words.get("reasons", "")

    # -- what is granted ----------------------------------------------------------------------------------------

    @property
    def grants(self) -> bool:
        """Whether anything is to be carried out."""
        return bool(self.issued.costs) or any(term.granted for term in self.issued.terms)

    @property
    def awards(self) -> list[Row]:
        """Each item of the claim with what is decided on it: remedy, claimed, amount, and the word for it."""
        return [
            {
                "remedy": sentences.REMEDIES[item.remedy],
                "claimed": item.amount,
                "amount": term.amount,
                "granted": term.granted,
                "word": _word(item.amount, term),
            }
            for item, term in zip(self.reading.dispute.items, self.issued.terms, strict=True)
        ]

    @property
    def payable(self) -> list[Money]:
        """What the seller pays in all, the costs included; currencies are never added."""
        amounts = [term.amount for term in self.issued.terms if term.granted and term.amount]
        return list(totals([*amounts, *([self.issued.costs] if self.issued.costs else [])]).values())

    @property
    def deeds(self) -> list[Any]:
        """What the seller does beside paying."""
        items = self.reading.dispute.items
        return [
            sentences.REMEDIES[items[term.item].remedy]
            for term in self.issued.terms
            if term.granted and term.amount is None
        ]

    @property
    def due(self) -> int | None:
        """Until when it is to be carried out, once the end of the dispute has set that."""
        return self.reading.dispute.performance_due

    @property
    def performance(self) -> str:
        """How long the seller has to carry it out, while the answers of both sides are still to come or after a no."""
        if not self.grants:
            return _("Nothing has to be carried out.")
        if self.reading.outcome:
            return _("The buyer rejected the decision, and nothing in it has to be carried out.")
        if not self._days:
            return _("The seller carries it out on the day on which the dispute ends with the answers of both sides.")
        return ngettext(
            "The seller has %(num)d day to carry it out. It counts from the end of the dispute, when both sides have "
            "answered or their time is over.",
            "The seller has %(num)d days to carry it out. They count from the end of the dispute, when both sides have "
            "answered or their time is over.",
            self._days,
        )

    @property
    def _days(self) -> int:
        """The days that the decision gives: its last day ends when it has ended everywhere, at noon UTC of the next."""
        issued_at = self.line.at if self.line else self.reading.page.at
        return (moment(self.issued.perform_by).date() - moment(issued_at).date()).days - 1

    @property
    def pays_reader(self) -> bool:
        """Whether its money goes to the reader."""
        return self.reading.role == "buyer"

    # -- what it rests on ---------------------------------------------------------------------------------------

    @cached_property
    def findings(self) -> list[Row]:
        """Each finding with its words and, as links, what it rests on."""
        return [
            {
                "place": place,
                "text": self.words.get(f"finding_{place}", ""),
                "cites": [self._cited(item) for item in finding.cites],
            }
            for place, finding in enumerate(self.issued.findings, 1)
        ]

    def _cited(self, item: int) -> Row:
        if item == STATEMENTS:
            href = url_for("disputes.page", number=self.reading.number, _anchor="sides")
            return {"label": statements(), "href": href}
        title = next((row["title"] for row in self.reading.evidence if row["number"] == item), None)
        href = url_for("evidence.index", number=self.reading.number, _anchor=f"evidence-{item}")
        return {"label": evidence_label(item, title), "href": href}

    # -- what each side said, and can say -----------------------------------------------------------------------

    @property
    def answers(self) -> list[Row]:
        """Both sides, the buyer first, with what each said of the decision and when."""
        return [{"role": side, **self._answer(side)} for side in SIDES]

    def _answer(self, side: str) -> Row:
        for line in self.reading.page.docket:
            if line.type == "decision_answered" and line.data["side"] == side:
                consent = self.reading.consent_of(line)
                said, acted = sentences.sentence(line.type, line.data), self.reading.by_representative(line)
                return {"said": said, "at": line.at, "consent": consent, "by_representative": acted}
        waiting = _("Has not answered.") if self.until is None else _("Has not answered yet.")
        return {"said": waiting, "at": None, "consent": None, "by_representative": False}

    @property
    def until(self) -> int | None:
        """Until when the sides can answer, while they can."""
        clock = self.reading.dispute.clock
        return clock.due if self.line and clock and clock.step == "acceptance" else None

    @property
    def binds_alone(self) -> bool:
        """Whether the buyer's yes alone binds the seller, by the rules that this dispute is pinned to."""
        return self.reading.dispute.rules.seller_bound

    @property
    def is_free(self) -> bool:
        """Whether this reader's answer is this reader's alone: not of a seller whom the rules bind without."""
        return self.pays_reader or not self.binds_alone

    @property
    def acceptance(self) -> str:
        """What this reader's yes means for this reader."""
        if not self.grants:
            return _("You agree that the matter ends with this decision, and that nothing has to be carried out.")
        if self.pays_reader:
            return _("You agree to what is granted and ask for nothing more in this matter.")
        return _("You agree to carry out what is granted within its time, and it binds you once the buyer accepts too.")

    @property
    def rejection(self) -> str:
        """What this reader's no leads to."""
        if self.pays_reader:
            return _("The dispute closes at once, and nothing in the decision has to be carried out.")
        if self.binds_alone:
            return _("The rules bind you all the same as soon as the buyer accepts it. Your no stays on record.")
        return _("The decision will not bind you. Your no stays on record, and is counted in the published figures.")

    @property
    def acts(self) -> list[Row]:
        """What this reader may do about it now."""
        rows = [
            ("decision:accept", "decision.acceptance", _("Accept the decision"),
             _("You see the amounts and what it means once more before you say yes."), _("Read and accept")),
            ("decision:reject", "decision.rejection", _("Reject the decision"),
             _("You see first what ends by it, and which ways stay open to you."), _("Read and reject")),
        ]  # fmt: skip
        return [
            {
                "title": title,
                "consequence": consequence,
                "label": label,
                "href": url_for(endpoint, number=self.reading.number),
                "kind": "second",
            }
            for permission, endpoint, title, consequence, label in rows
            if self.reading.may(permission)
        ]

    @property
    def answer_days(self) -> int:
        return self.reading.dispute.rules.steps["acceptance"].days


def document_of(reading: Reading) -> Document | None:
    """The decision of this dispute as its reader sees it; None while there is none."""
    decision = reading.dispute.decision
    if decision is None:
        return None
    line = reading.page.line(decision.version)
    return Document(reading, cast(DecisionIssued, line.event), line.words, line)


def choices_of(reading: Reading) -> list[Choice]:
    """What a finding can rest on: what both sides say, and every item that counts."""
    rows = [row for row in reading.evidence if row["number"] not in reading.dispute.barred]
    return [(str(STATEMENTS), statements(), "")] + [
        (str(row["number"]), evidence_label(row["number"], row["title"]), _in_a_line(row["shows"] or ""))
        for row in rows
    ]


def _in_a_line(shows: str) -> str:
    """What a file shows, short enough to stand beside its box."""
    line = " ".join(shows.split())
    return bidi(f"{line[:SHOWN]}…" if len(line) > SHOWN else line) if line else ""


def statements() -> str:
    return _("What both sides say in the filing and the reply")


def evidence_label(item: int, title: str | None) -> str:
    """An item of evidence by its number and, where it has one, its own name."""
    if title is None:
        return _("Evidence %(number)s", number=number(item))
    # Escaped before the name goes in, which is a party's and brings its own markup.
    return escape(_("Evidence %(number)s: %(title)s")) % {"number": number(item), "title": bidi(title)}


def _word(claimed: Money | None, term: Term) -> str:
    if not term.granted:
        return _("Refused")
    if claimed is None:
        return _("Granted")
    return _("Granted in full") if term.amount == claimed else _("Granted in part")
