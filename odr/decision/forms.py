"""The forms of the decision: final words, the decision itself with its findings, and the answer to one."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import Field, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice, SelectMultipleField

from odr.decision.drafts import Typed
from odr.decision.rules import MOST_FINDINGS
from odr.disputes.filters import Reading
from odr.disputes.forms import SEAL, ActForm, shaped, text_length
from odr.filing.forms import KEPT_LINE, KEPT_TEXT, tidy
from odr.kernel import Money, Refused
from odr.negotiation.forms import LONGEST_AMOUNT, currency_choices, read_days, whole_days
from odr.procedure.events import ClaimItem, Finding, Term
from odr.web.filters import amount
from odr.web.forms import read_amount
from odr.web.sentences import BASES, REMEDIES, refusal

FULL, PART, NONE = "full", "part", "none"

# What an empty form begins with; one more at a time comes by its button.
FIRST_BLOCKS = 3

# What a finding can rest on: value, label and what it shows.
Choice = tuple[str, str, str]

_BLOCK = re.compile(r"finding-([0-9]{1,2})-(text|cites)", re.ASCII)


class FinalWordsForm(ActForm):
    """Gives one's final words."""

    text = TextAreaField(
        _("Your final words"),
        [text_length],
        default="",
        description=_("What the mediator should not overlook. You need not add anything. The other side reads it too."),
    )


class AnswerForm(ActForm):
    """Accepts or rejects the decision that was shown."""

    seen = HiddenField(validators=[shaped(SEAL)])


# -- the decision -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Award:
    """One item of the claim and the fields that decide on it; `amount` is None where it is not about money."""

    item: ClaimItem
    granted: Field
    amount: Field | None

    @property
    def remedy(self) -> Any:
        return REMEDIES[self.item.remedy]

    def term(self, place: int) -> Term:
        """What is granted. Raises Refused when the amount was not typed as one."""
        if self.granted.data == PART and self.amount is not None and self.item.amount is not None:
            return Term(place, True, _read(self.amount, self.item.amount.currency))
        granted = self.granted.data == FULL
        return Term(place, granted, self.item.amount if granted else None)


@dataclass(frozen=True)
class Block:
    """One finding: its words, and the numbers of what it rests on."""

    text: Field
    cites: Field

    @property
    def is_empty(self) -> bool:
        return not (self.text.data or "").strip() and not self.cites.data

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(sorted({int(each) for each in self.cites.data or [] if re.fullmatch("[0-9]{1,4}", each)}))


class DecisionForm(ActForm):
    """Issues the decision. Its fields differ from dispute to dispute: `decision_form` adds them, in the order of the
    page."""

    items: tuple[ClaimItem, ...] = ()
    count = 0
    choices: Collection[Choice] = ()
    typed: Typed = MappingProxyType({})

    @property
    def awards(self) -> list[Award]:
        return [
            Award(item, self[f"granted_{place}"], self._fields.get(f"amount_{place}"))
            for place, item in enumerate(self.items)
        ]

    @property
    def blocks(self) -> list[Block]:
        return [Block(self[f"finding-{place}-text"], self[f"finding-{place}-cites"]) for place in range(self.count)]

    @property
    def written(self) -> list[Block]:
        """The blocks that are not left empty, one for each finding."""
        return [block for block in self.blocks if not block.is_empty]

    @property
    def may_grow(self) -> bool:
        return self.count < MOST_FINDINGS

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Every field with its value, a field of ticks once for each of them, for the page on which it is checked."""
        return [
            (field.name, value)
            for field in self
            if field.name not in ("key", "csrf_token")
            for value in (field.data if isinstance(field.data, list) else [field.data or ""])
        ]

    @property
    def given(self) -> dict[str, Any]:
        """What the rule is asked; of a form that is not whole, as far as it can be read."""
        try:
            terms = tuple(award.term(place) for place, award in enumerate(self.awards))
            costs = self._costs()
        except Refused:
            terms, costs = (), None
        words = {f"finding_{place}": block.text.data.strip() for place, block in enumerate(self.written, 1)}
        return {
            "terms": terms,
            "costs": costs,
            "basis": self["basis"].data or "",
            "findings": tuple(Finding(block.numbers) for block in self.written),
            "texts": {"reasons": (self["text"].data or "").strip(), **words},
            "perform_days": read_days(self["perform_days"].data),
        }

    def _costs(self) -> Money | None:
        typed = self["costs_amount"]
        return _read(typed, self["costs_currency"].data or "") if (typed.data or "").strip() else None

    def validate(self, extra_validators: Any = None) -> bool:
        sound = super().validate(extra_validators)
        checks = [self._check_award(award) for award in self.awards]
        checks += [self._check_costs(), self._check_written(), *(self._check_block(block) for block in self.written)]
        if sound and all(checks):
            return True
        self.status = 422
        return False

    def _check_award(self, award: Award) -> bool:
        if award.granted.data not in ({FULL, PART, NONE} if award.amount is not None else {FULL, NONE}):
            return _put(award.granted, gettext("Say whether “%(remedy)s” is granted.", remedy=award.remedy))
        if award.amount is None:
            return True
        if award.granted.data != PART and (award.amount.data or "").strip():
            return _put(award.amount, gettext("Leave the amount empty, or choose “Granted in part”."))
        try:
            award.term(0)
        except Refused as refused:
            return _put(award.amount, refusal(refused))
        return True

    def _check_costs(self) -> bool:
        try:
            self._costs()
        except Refused as refused:
            field = "costs_currency" if refused.code == "currency_unknown" else "costs_amount"
            return _put(self[field], refusal(refused))
        return True

    def _check_written(self) -> bool:
        """What must not be left empty is said at once, not one refusal after the other."""
        missing = {
            "finding-0-text": "" if self.written else "finding_missing",
            "text": "" if (self["text"].data or "").strip() else "reasons_missing",
            "basis": "" if self["basis"].data else "basis_unknown",
        }
        return all([_put(self[name], refusal(Refused(code))) for name, code in missing.items() if code])

    def _check_block(self, block: Block) -> bool:
        if not (block.text.data or "").strip():
            return _put(block.text, refusal(Refused("finding_missing")))
        return bool(block.numbers) or _put(block.cites, refusal(Refused("finding_rests_on_nothing")))

    def refuse(self, refused: Refused, field: str = "text") -> None:
        """A refusal stands beside the field it is about; of several amounts or findings, beside the first that it can
        be about."""
        super().refuse(refused, field)
        place = self._place_of(refused)
        if place is not None:
            self.form_errors = []
            _put(place, refusal(refused))

    def _place_of(self, refused: Refused) -> Field | None:
        """The field that a refusal is about, where there is one."""
        if refused.code == "award_above_claim":
            return next((award.amount for award in self.awards if _above(award)), None)
        if refused.code in ("evidence_not_admitted", "evidence_unknown"):
            offered = {value for value, _label, _hint in self.choices}
            return next((block.cites for block in self.blocks if set(block.cites.data or []) - offered), None)
        return {
            "basis_unknown": self["basis"],
            "perform_days_out_of_range": self["perform_days"],
            "finding_missing": self["finding-0-text"],
        }.get(refused.code)


def typed_in(sent: MultiDict[str, str], items: int) -> dict[str, list[str]]:
    """What was sent, as it can be kept: findings counted anew from the first, and no field that the form lacks."""
    lines = {"basis", "perform_days", "costs_amount", "costs_currency"}
    lines |= {f"{name}_{place}" for place in range(items) for name in ("granted", "amount")}
    typed = {name: [tidy(sent.get(name, ""), KEPT_LINE)] for name in sorted(lines) if name in sent}
    typed["text"] = [tidy(sent.get("text", ""), KEPT_TEXT)]
    found = sorted({int(match[1]) for name in sent if (match := _BLOCK.fullmatch(name))})
    for place, number in enumerate(found[:MOST_FINDINGS]):
        typed[f"finding-{place}-text"] = [tidy(sent.get(f"finding-{number}-text", ""), KEPT_TEXT)]
        typed[f"finding-{place}-cites"] = sent.getlist(f"finding-{number}-cites")[:200]
    return typed


def blocks_in(typed: Typed) -> int:
    """How many findings there are places for in what was typed."""
    return sum(1 for name in typed if name.endswith("-text"))


def decision_form(
    reading: Reading, typed: Typed, choices: Collection[Choice], *, key: str = "", more: int = 0
) -> DecisionForm:
    """The form of the decision on this dispute, with what was typed so far and `more` places for findings; `choices`
    are what a finding can rest on."""
    dispute = reading.dispute
    count = min(max(blocks_in(typed) or FIRST_BLOCKS, 1) + more, MOST_FINDINGS)
    fields: dict[str, Any] = {}
    for place, item in enumerate(dispute.items):
        fields |= _award_fields(place, item)
    fields |= _fields_of(reading)
    for place in range(count):
        fields |= _block_fields(place, choices)
    fields["text"] = TextAreaField(
        gettext("Why you decide so"),
        [text_length],
        default="",
        description=gettext("How the findings lead to this decision. Both sides read it word for word."),
    )
    bases = [SelectChoice(basis, str(BASES[basis])) for basis in dispute.rules.bases]
    fields["basis"] = RadioField(gettext("On what does the decision rest?"), choices=bases, validate_choice=False)
    own = {"items": dispute.items, "count": count, "choices": choices, "typed": typed}
    kind = type("DecisionForm", (DecisionForm,), {**fields, **own})
    sent = MultiDict([(name, value) for name, values in typed.items() for value in values])
    if key:
        sent["key"] = key
    # Without anything typed the form begins with its defaults.
    form: DecisionForm = kind(formdata=sent if typed else None)
    return form


def _award_fields(place: int, item: ClaimItem) -> dict[str, Any]:
    choices = [SelectChoice(FULL, gettext("Granted in full") if item.amount else gettext("Granted"))]
    if item.amount:
        choices.append(SelectChoice(PART, gettext("Granted in part")))
    choices.append(SelectChoice(NONE, gettext("Refused")))
    fields: dict[str, Any] = {
        f"granted_{place}": RadioField(gettext("Your decision on it"), choices=choices, validate_choice=False)
    }
    if item.amount:
        fields[f"amount_{place}"] = StringField(
            gettext("If in part: how much, in %(currency)s", currency=item.amount.currency),
            description=gettext("Claimed: %(amount)s.", amount=amount(item.amount)),
        )
    return fields


def _fields_of(reading: Reading) -> dict[str, Any]:
    dispute = reading.dispute
    currency = next(iter(dispute.claimed), dispute.paid.currency if dispute.paid else "EUR")
    most = dispute.rules.perform_days_most
    return {
        "costs_amount": StringField(
            gettext("Costs that the seller pays the buyer beside the claim"),
            description=gettext("For example the postage of a return. Leave it empty where there are none."),
        ),
        "costs_currency": SelectField(
            gettext("Currency of the costs"),
            choices=currency_choices(currency),
            default=currency,
            validate_choice=False,
        ),
        "perform_days": StringField(
            gettext("Days to carry it out"),
            [whole_days],
            default=str(dispute.rules.perform_days),
            description=ngettext(
                "Counted from the end of the dispute, when both sides have answered; at most %(num)d day.",
                "Counted from the end of the dispute, when both sides have answered; at most %(num)d days.",
                most,
            ),
        ),
    }


def _block_fields(place: int, choices: Collection[Choice]) -> dict[str, Any]:
    return {
        f"finding-{place}-text": TextAreaField(gettext("What you find"), [text_length], default=""),
        f"finding-{place}-cites": SelectMultipleField(
            gettext("It rests on"),
            choices=[SelectChoice(value, label) for value, label, _hint in choices],
            validate_choice=False,
        ),
    }


def _read(field: Field, currency: str) -> Money:
    typed = field.data or ""
    if not typed.strip() or len(typed) > LONGEST_AMOUNT:
        raise Refused("amount_malformed")
    return read_amount(typed, currency)


def _above(award: Award) -> bool:
    granted, claimed = award.term(0).amount, award.item.amount
    return granted is not None and claimed is not None and granted.minor > claimed.minor


def _put(field: Field, sentence: str) -> bool:
    field.errors = [*field.errors, sentence]
    return False
