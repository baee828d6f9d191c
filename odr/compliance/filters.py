"""How compliance reads: what is due and until when, what each side said of it, and the papers that show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from odr.disputes.filters import Reading, kind_of
from odr.disputes.queries import Line
from odr.evidence.media import PREVIEWED
from odr.kernel import Money, totals
from odr.procedure.access import may_read_file
from odr.procedure.dispute import EvidenceItem
from odr.web import sentences

Row = dict[str, Any]


@dataclass(frozen=True)
class Due:
    """What was promised or granted, as one reader sees it."""

    reading: Reading

    @property
    def amounts(self) -> list[Money]:
        """What is to be paid, the costs of a decision included; currencies are never added."""
        granted = [term.amount for term in self._terms if term.granted and term.amount]
        return list(totals([*granted, *self._costs]).values())

    @property
    def deeds(self) -> list[Any]:
        """What is to be done beside paying."""
        items = self.reading.dispute.items
        return [
            sentences.REMEDIES[items[term.item].remedy] for term in self._terms if term.granted and term.amount is None
        ]

    @property
    def perform_by(self) -> int | None:
        return self.reading.dispute.perform_by

    @property
    def source(self) -> str:
        """Where it comes from, in a sentence."""
        if self.reading.dispute.agreement:
            return _("Both sides agreed on it.")
        return _("The mediator decided it.")

    @property
    def is_denied(self) -> bool:
        """Whether the buyer has already said once that it was not done."""
        return self.reading.dispute.denied

    @property
    def cure_days(self) -> int:
        """How long the seller has to make good after a denial."""
        return self.reading.dispute.rules.steps["cure"].days

    @property
    def proof_days(self) -> int:
        """How long a registrar has to look at the proof."""
        return self.reading.dispute.rules.steps["proof"].days

    @property
    def confirmation_days(self) -> int:
        return self.reading.dispute.rules.steps["confirmation"].days

    @property
    def report(self) -> Line | None:
        """The seller's last word that it was done."""
        return self._last("performance_reported")

    @property
    def said(self) -> list[Line]:
        """What each side said of it, the first one first."""
        return [line for line in self.reading.page.docket if line.type in _SAID]

    def _last(self, type_name: str) -> Line | None:
        return next((line for line in reversed(self.reading.page.docket) if line.type == type_name), None)

    @property
    def _terms(self) -> Any:
        source = self.reading.dispute.agreement or self.reading.dispute.decision
        return source.terms if source else ()

    @property
    def _costs(self) -> list[Money]:
        decision = self.reading.dispute.decision
        return [decision.costs] if decision and decision.costs and not self.reading.dispute.agreement else []


_SAID = frozenset({"performance_reported", "performance_denied"})


def proof_of(reading: Reading) -> list[EvidenceItem]:
    """The files that came after the end, as far as this reader may open them."""
    page, closed_at = reading.page, reading.dispute.closed_at
    return [
        item
        for item in page.dispute.evidence
        if closed_at is not None and item.at > closed_at and may_read_file(page.dispute, page.seat.actor, page.at, item)
    ]


def proof_rows(reading: Reading, words: Mapping[int, Mapping[str, str]]) -> list[Row]:
    """The same as rows of the evidence list; `words` are those of each file, by the version of its entry."""
    return [
        {
            "number": item.item,
            "title": words.get(item.version, {}).get("name") or str(_("File without a name")),
            "shows": words.get(item.version, {}).get("about"),
            "actor": sentences.SIDES[item.side],
            "role": item.side,
            "received": item.at,
            "kind": kind_of(item.media),
            "size": item.size,
            "digest": json.loads(words.get(item.version, {}).get("file") or "{}").get("sha256", ""),
            "notes": [sentences.NOTES[note] for note in item.notes],
            "href": url_for("evidence.item", number=reading.number, item=item.item),
            "picture": url_for("evidence.preview", number=reading.number, item=item.item)
            if item.media in PREVIEWED
            else None,
        }
        for item in proof_of(reading)
    ]
