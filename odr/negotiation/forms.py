"""The forms of the negotiation: an offer item by item, and the answers to one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from babel.numbers import get_currency_name
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from wtforms import Field, Form, HiddenField, RadioField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields import SelectChoice

from odr.disputes.filters import Reading
from odr.disputes.forms import SEAL, ActForm, shaped, text_length
from odr.kernel import CURRENCIES, Money, Refused
from odr.procedure.events import ClaimItem, Term
from odr.web.filters import amount
from odr.web.forms import read_amount
from odr.web.language import manner
from odr.web.sentences import REMEDIES, refusal

# Longer than any amount, its currency and its blanks together.
LONGEST_AMOUNT = 60

YES, NO = "yes", "no"


class AcceptanceForm(ActForm):
    """Accepts the offer that was shown."""

    seen = HiddenField(validators=[shaped(SEAL)])


class AnswerForm(ActForm):
    """Rejects an offer, takes one back, or leaves: one button, after its page was read."""


@dataclass(frozen=True)
class Row:
    """One claim item and the fields that answer it; those that its offer does not need are None."""

    item: ClaimItem
    granted: Field | None
    amount: Field | None
    currency: Field | None

    @property
    def remedy(self) -> Any:
        return REMEDIES[self.item.remedy]

    @property
    def is_given(self) -> bool:
        return self.granted is None or self.granted.data == YES

    def money(self) -> Money | None:
        """The amount offered. Raises Refused when it was not typed as one."""
        if self.item.amount is None or self.amount is None or not self.is_given:
            return None
        currency = self.currency.data if self.currency else self.item.amount.currency
        typed = self.amount.data or ""
        if not typed.strip() or len(typed) > LONGEST_AMOUNT:
            raise Refused("amount_malformed")
        return read_amount(typed, currency or "")


def read_days(text: str | None) -> int | None:
    """A number of days as people write one; None for anything else."""
    plain = (text or "").strip()
    return int(plain) if re.fullmatch("[0-9]{1,4}", plain, re.ASCII) else None


def whole_days(form: Form, field: Field) -> None:
    """A number of days; whether it is allowed is the rule's question."""
    if read_days(field.data) is None:
        raise ValidationError(gettext("Write a number of days, for example 14."))


def seen_or_none(form: Form, field: Field) -> None:
    """The seal of the open offer that the page showed, or nothing where it showed none."""
    if field.data:
        shaped(SEAL)(form, field)


class TermsForm(ActForm):
    """Says item by item what is given. Its rows differ from dispute to dispute: `fields_of` makes them."""

    perform_days = StringField(_("Days to carry it out"), [whole_days])

    items: tuple[ClaimItem, ...] = ()
    # What is asked of each item where there are several, and what is said when it was not answered.
    asks = _("Is this part of your offer?")
    unanswered = _("Say whether “%(remedy)s” is part of your offer.")

    @property
    def rows(self) -> list[Row]:
        """The items of the claim with the fields that answer them."""
        return [
            Row(item, *(self._fields.get(f"{name}_{place}") for name in ("granted", "amount", "currency")))
            for place, item in enumerate(self.items)
        ]

    @property
    def terms(self) -> tuple[Term, ...]:
        """What is given; nothing where it cannot be read."""
        try:
            return tuple(Term(place, row.is_given, row.money()) for place, row in enumerate(self.rows))
        except Refused:
            return ()

    def validate(self, extra_validators: Any = None) -> bool:
        sound = super().validate(extra_validators)
        for row in self.rows:
            if row.granted is not None and row.granted.data not in (YES, NO):
                row.granted.errors = [str(self.unanswered) % {"remedy": row.remedy}]
                sound = False
            try:
                row.money()
            except Refused as refused:
                _put(row.currency if refused.code == "currency_unknown" else row.amount, refused)
                sound = False
        if not sound:
            self.status = 422
        return sound

    def refuse(self, refused: Refused, field: str = "text") -> None:
        """A refusal stands beside the field it is about, where there is but one such field."""
        super().refuse(refused, field)
        place = self._place_of(refused.code)
        if place is not None:
            self.form_errors = []
            _put(place, refused)

    def _place_of(self, code: str) -> Field | None:
        amounts = [row.amount for row in self.rows if row.amount is not None]
        if code == "above_claim":
            return amounts[0] if len(amounts) == 1 else None
        return self.perform_days if code == "perform_days_out_of_range" else None


class OfferForm(TermsForm):
    """Makes an offer."""

    seen = HiddenField(validators=[seen_or_none])
    open_days = StringField(_("Days your offer stays open"), [whole_days])
    text = TextAreaField(
        _("A word with it"),
        [text_length],
        description=_("You need not add any. The other side reads it as you write it."),
    )

    @property
    def given(self) -> dict[str, Any]:
        """What the rule is asked; of a form that is not whole, as far as it can be read."""
        days = {name: read_days(self[name].data) for name in ("perform_days", "open_days")}
        return {"terms": self.terms, "text": (self.text.data or "").strip(), "seen": self.seen.data or "", **days}

    def _place_of(self, code: str) -> Field | None:
        return self.open_days if code == "offer_days_out_of_range" else super()._place_of(code)


def offer_form(reading: Reading) -> OfferForm:
    """The form of an offer on this dispute: a row for each claim item. The buyer asks in the currency of the claim,
    the seller may pay in another."""
    rules, shown = reading.dispute.rules, reading.dispute.open_offer
    kind = with_rows(OfferForm, reading, other_currency=reading.role == "seller")
    form: OfferForm = kind(
        seen=shown.seal if shown else "", perform_days=str(rules.perform_days), open_days=str(rules.offer_days)
    )
    hint_at_days(form, reading)
    form.open_days.description = ngettext(
        "After that it ends by itself; at most %(num)d day.", "After that it ends by itself; at most %(num)d days.",
        rules.offer_days_most,
    )  # fmt: skip
    return form


def with_rows(kind: type[TermsForm], reading: Reading, *, other_currency: bool) -> Any:
    """This form with a row for each claim item of this dispute."""
    items = reading.dispute.items
    fields: dict[str, Any] = {}
    for place, item in enumerate(items):
        fields |= _fields_of(place, item, kind.asks if len(items) > 1 else None, other_currency=other_currency)
    return type(kind.__name__, (kind,), {**fields, "items": items})


def hint_at_days(form: TermsForm, reading: Reading) -> None:
    """Say from when the days to carry it out count, and how many there can be."""
    form.perform_days.description = ngettext(
        "Counted from the agreement; at most %(num)d day.", "Counted from the agreement; at most %(num)d days.",
        reading.dispute.rules.perform_days_most,
    )  # fmt: skip


def _fields_of(place: int, item: ClaimItem, asks: Any, *, other_currency: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if asks:
        fields[f"granted_{place}"] = RadioField(
            asks,
            choices=[SelectChoice(YES, gettext("Yes")), SelectChoice(NO, gettext("No"))],
            validate_choice=False,
        )
    if item.amount is None:
        return fields
    currency = item.amount.currency
    label = gettext("Amount")
    hint = gettext("Claimed: %(amount)s.", amount=amount(item.amount))
    if other_currency:
        fields[f"currency_{place}"] = SelectField(
            gettext("Currency"), choices=currency_choices(currency), default=currency,
            validate_choice=False,
        )  # fmt: skip
    else:
        label = gettext("Amount in %(currency)s", currency=currency)
    fields[f"amount_{place}"] = StringField(label, description=hint)
    return fields


def currency_choices(first: str) -> list[SelectChoice]:
    """The currencies by code and name in the reader's language; the one of the claim comes first."""
    locale = manner()
    codes = (first, *sorted(CURRENCIES - {first}))
    return [SelectChoice(code, f"{code} – {get_currency_name(code, locale=locale)}") for code in codes]


def _put(field: Field | None, refused: Refused) -> None:
    if field is not None:
        field.errors = [*field.errors, refusal(refused)]
