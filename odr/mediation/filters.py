"""How the mediation reads on pages: who is on the roster, the public record of a draw, and a proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from markupsafe import Markup, escape

from odr.disputes.filters import Reading, calendar_day, country
from odr.kernel import Missing
from odr.mediation.queries import DAY, REMINDED_BEFORE, Credential, DrawRecord, Mediator, base_of, last_day
from odr.mediation.rules import REQUIRED_CREDENTIALS
from odr.procedure import dispute as states
from odr.procedure.draw import ticket_of
from odr.web import sentences
from odr.web.filters import bidi, digest_short, number
from odr.web.language import manner

Row = dict[str, Any]

# How much a mediator has to do, told in bands: the exact count would tell when somebody was drawn.
LOADS = (
    lazy_gettext("No open dispute"),
    lazy_gettext("Less than half of what this mediator takes"),
    lazy_gettext("Half or more of what this mediator takes"),
    lazy_gettext("As many as this mediator takes"),
)


@dataclass(frozen=True)
class Profile:
    """A mediator as everybody may see them at instant `at`."""

    mediator: Mediator
    at: int

    @property
    def name(self) -> str:
        return self.mediator.name or _("Closed account")

    @property
    def languages(self) -> str:
        return _listed([language_name(code) for code in self.mediator.languages])

    @property
    def fields(self) -> str:
        if not self.mediator.fields:
            return _("All kinds of disputes")
        return _listed([str(sentences.CATEGORIES.get(name, name)) for name in self.mediator.fields])

    @property
    def country(self) -> str | None:
        return country(self.mediator.country) if self.mediator.country else None

    @property
    def interests(self) -> str:
        """What was declared, in words: domains are named; single sellers, who are persons often enough, are counted."""
        domains, sellers = self.mediator.interest_domains, len(self.mediator.interest_sellers)
        told = [_("Whoever writes from %(domain)s.", domain=domain) for domain in domains]
        if sellers:
            told.append(
                ngettext(
                    "%(num)d seller, known to the house by an address.",
                    "%(num)d sellers, known to the house by an address.",
                    sellers,
                )
            )
        return " ".join(told) or _("None declared.")

    @property
    def load(self) -> Any:
        """The band of open disputes, or that no more are drawn for now."""
        busy, most = self.mediator.open_cases, self.mediator.capacity
        if self.mediator.is_paused:
            return _("Paused: appointments were not answered in time")
        if not self.mediator.is_evidenced(self.at):
            return _("Not drawn: evidence is missing, or holds no longer")
        return LOADS[0 if not busy else 3 if busy >= most else 2 if 2 * busy >= most else 1]

    @property
    def evidence(self) -> list[Evidence]:
        """What was shown and holds now; of one kind, what lasts longest first."""
        return [Evidence(each) for each in self.mediator.credentials if each.holds(self.at)]

    @property
    def past_evidence(self) -> list[Evidence]:
        """What was shown once and does not hold any more."""
        return [Evidence(each) for each in self.mediator.credentials if not each.holds(self.at)]

    @property
    def lapses(self) -> Evidence | None:
        """What the mediator has to have and will lack first, where that day is near."""
        lasts = {each.kind: each for each in reversed(self.mediator.credentials) if each.holds(self.at)}
        needed = [lasts[kind] for kind in REQUIRED_CREDENTIALS if kind in lasts]
        first = min(needed, key=lambda each: each.expires_at, default=None)
        near = first is not None and first.expires_at <= self.at + max(REMINDED_BEFORE) * DAY
        return Evidence(first) if near and first else None

    @property
    def lacking(self) -> list[str]:
        """What has to be shown and is not, or not any more."""
        return [str(sentences.CREDENTIALS[kind]) for kind in self.mediator.lacks(self.at)]

    @property
    def _unshown(self) -> str:
        """What the list says in place of evidence that has to be there."""
        if self.mediator.is_excused(self.at):
            day = calendar_day(last_day(self.mediator.excused_until or 0).isoformat())
            return _("To be shown by %(day)s, since it was not asked for when this mandate began.", day=day)
        return _("Not shown, or it holds no longer.")

    @property
    def facts(self) -> list[Row]:
        """All of it, for a summary."""
        rows = (
            (_("Training, in their own words"), self.mediator.training or _("Not stated.")),
            (_("Languages"), self.languages),
            (_("Kinds of disputes"), self.fields),
            (_("Country"), self.country),
            (_("Declared interests"), self.interests),
            (_("Open disputes"), self.load),
            (_("Code in the log"), digits(self.mediator.id)),
        )
        trained, *others = [{"key": key, "value": value} for key, value in rows if value]
        return [trained, *self.shown, *others]

    @property
    def shown(self) -> list[Row]:
        """The evidence, and in its place what is missing of it, for a summary."""
        held = [{"key": each.kind, "value": each.told} for each in self.evidence]
        return held + [{"key": kind, "value": self._unshown} for kind in self.lacking]

    @property
    def past(self) -> list[Row]:
        return [{"key": each.kind, "value": each.told} for each in self.past_evidence]


@dataclass(frozen=True)
class Evidence:
    """One thing that a mediator showed, as everybody may read it."""

    credential: Credential

    @property
    def kind(self) -> str:
        return str(sentences.CREDENTIALS[self.credential.kind])

    @property
    def until(self) -> str:
        return calendar_day(self.credential.until.isoformat())

    @property
    def told(self) -> Markup:
        """Who issued it, until when it holds, and the digest by which its paper can be known again."""
        shown = escape(_("%(issuer)s, until %(day)s.")) % {"issuer": self.issuer, "day": self.until}
        short = escape(_("Digest %(short)s")) % {"short": digest_short(self.credential.document)}
        whole = Markup('<code class="digits wraps" dir="ltr">{}</code>').format(self.credential.document)
        about = _("SHA-256 of the document that the house looked at:")
        return Markup("{}<details><summary>{}</summary>{} {}</details>").format(shown, short, about, whole)

    @property
    def issuer(self) -> Markup:
        return bidi(self.credential.issuer)


def language_name(code: str) -> str:
    """A language in the reader's own: "German"; its code where it has no name there."""
    return str(manner().languages.get(base_of(code), code))


def digits(value: str) -> Markup:
    """Digits that people compare, written left to right and able to break."""
    return Markup('<code class="digits" dir="ltr">{}</code>').format(escape(value))


def _listed(names: list[str]) -> str:
    return " · ".join(names)


# -- the draw ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DrawShown:
    """The public record of a draw, with the recipe by which anybody recomputes it."""

    record: DrawRecord

    @property
    def order(self) -> list[Row]:
        """The places, first to last: who, the ticket that put them there, and what became of the place."""
        asked = [place for place, one in enumerate(self.record.places) if one.drawn_at is not None]
        return [
            {
                "place": number(place + 1),
                "name": self.record.names.get(one.mediator) or _("Closed account"),
                "code": one.mediator,
                "ticket": self._ticket(one.mediator),
                "drawn_at": one.drawn_at,
                "state": _place_state(place, asked),
            }
            for place, one in enumerate(self.record.places)
        ]

    def _ticket(self, mediator_id: str) -> str:
        root = self.record.seed.root if self.record.seed else ""
        return ticket_of(mediator_id, self.record.commitment, root).hex()

    @property
    def pool(self) -> list[Row]:
        names = self.record.names
        return [{"code": one, "name": names.get(one) or _("Closed account")} for one in self.record.pool]

    @property
    def program(self) -> str | None:
        """The recipe as a program that prints the order; None as long as there is no seed."""
        if self.record.seed is None:
            return None
        pool = "".join(f'    "{one}",\n' for one in self.record.pool)
        return (
            "import hashlib\n\n"
            f'commitment = "{self.record.commitment}"\n'
            f'root = "{self.record.seed.root}"\n'
            f"pool = [\n{pool}]\n\n"
            'seed = b"odr/draw-1" + bytes(1) + bytes.fromhex(commitment) + bytes.fromhex(root)\n'
            "tickets = {hashlib.sha256(seed + bytes.fromhex(one)).hexdigest(): one for one in pool}\n"
            "for ticket in sorted(tickets):\n"
            "    print(tickets[ticket])\n"
        )


def _place_state(place: int, asked: list[int]) -> Any:
    if place not in asked:
        return _("Not asked")
    return _("Drawn") if place == asked[-1] else _("Drawn, and released since")


# -- a proposal -------------------------------------------------------------------------------------------------

STATES = {
    "open": lazy_gettext("Can be answered now"),
    "replaced": lazy_gettext("Replaced by a later proposal"),
    "rejected": lazy_gettext("Rejected"),
    "accepted": lazy_gettext("Accepted by both sides"),
    "ended": lazy_gettext("Ended without an agreement"),
}


@dataclass(frozen=True)
class Shown:
    """One proposal of the mediator as a reader sees it."""

    reading: Reading
    proposal: states.Proposal

    @property
    def title(self) -> str:
        return _("Proposal %(place)s", place=number(self.proposal.number + 1))

    @property
    def state(self) -> Any:
        return STATES[self.proposal.state]

    @property
    def is_open(self) -> bool:
        return self.proposal.state == "open"

    @property
    def text(self) -> str:
        """What was said with it; nothing when nothing was, or when it was erased."""
        return self.reading.page.line(self.proposal.version).words.get("text", "")

    @property
    def amounts(self) -> list[Any]:
        return list(self.proposal.totals.values())

    @property
    def pays_reader(self) -> bool:
        return self.reading.role == "buyer"

    @property
    def gives_nothing(self) -> bool:
        return not any(term.granted for term in self.proposal.terms)

    @property
    def performance(self) -> str:
        """How long the seller has to carry it out."""
        if not self.proposal.perform_days:
            return _("It is carried out on the day of the agreement.")
        return ngettext(
            "It is carried out within %(num)d day of the agreement.",
            "It is carried out within %(num)d days of the agreement.",
            self.proposal.perform_days,
        )

    @property
    def answers(self) -> list[Row]:
        """Each item of the claim with what is proposed on it: remedy, claimed, granted, amount."""
        return [
            {
                "remedy": sentences.REMEDIES[item.remedy],
                "claimed": item.amount,
                "granted": term.granted,
                "amount": term.amount,
            }
            for item, term in zip(self.reading.dispute.items, self.proposal.terms, strict=True)
        ]

    @property
    def accepted(self) -> list[Any]:
        """Who has said yes so far, in a sentence each."""
        told = {"buyer": _("The buyer has accepted it."), "seller": _("The seller has accepted it.")}
        return [words for side, words in told.items() if side in self.proposal.accepted_by]


def shown(reading: Reading, place: int) -> Shown:
    """The proposal of that number, 0 = first. Missing when there is none, or none that this reader may know of."""
    proposals = reading.dispute.proposals
    if not 0 <= place < len(proposals):
        raise Missing(str(place))
    return Shown(reading, proposals[place])
