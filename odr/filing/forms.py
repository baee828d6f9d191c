"""The questions of a filing, one form a step, and the registrar's and the buyer's answers that follow it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.numbers import get_currency_name
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    FieldList,
    Form,
    FormField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice
from wtforms.widgets import DateInput, Select, TextInput

from odr.disputes.forms import ActForm, text_length
from odr.filing.rules import MOST_ITEMS
from odr.filing.service import site_key
from odr.kernel import CURRENCIES, Refused
from odr.people.forms import country_choices, filled, language_choices, new_address, one_of
from odr.procedure.rules import read_day
from odr.web.forms import read_amount
from odr.web.language import manner
from odr.web.sentences import CATEGORIES, GROUNDS, HANDOVERS, REMEDIES, SUSPENSION_GROUNDS, TOPICS, refusal

LINE = 200
"""The longest answer of one line: a name, an order number, an address on the web."""

# What is kept of an answer that is too long, so that it can be shortened without typing it again.
KEPT_LINE, KEPT_TEXT = 2_000, 100_000

# Currencies that most cross-border purchases are paid in stand before the others.
COMMON_CURRENCIES = ("EUR", "USD", "GBP", "CNY", "JPY", "CHF", "AUD", "CAD", "INR", "BRL")

CHANNELS = {
    "email": _("By e-mail"),
    "site": _("Through a form or chat on the seller’s web site"),
    "marketplace": _("Through the messages of a marketplace"),
    "telephone": _("By telephone"),
    "letter": _("By letter"),
    "other": _("In another way"),
}
UNKNOWN_LANGUAGE = "unknown"


def tidy(text: str, most: int) -> str:
    """A text as it can be kept and sealed: lines end in one way, and signs that no page can show are left out."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", text)[:most]


def tidy_line(text: str) -> str:
    """An answer of one line, without the blanks around it that a keyboard adds."""
    return " ".join(tidy(text, KEPT_LINE).split("\n")).strip()


# -- what fields must hold ------------------------------------------------------------------------------------


def not_longer(most: int) -> Callable[[Form, Field], None]:
    def check(form: Form, field: Field) -> None:
        if len(field.data or "") > most:
            raise ValidationError(gettext("Keep it under %(most)s characters.", most=most))

    return check


def as_rule_says(read: Callable[[str], Any]) -> Callable[[Form, Field], None]:
    """The field must be readable by a function that raises Refused otherwise."""

    def check(form: Form, field: Field) -> None:
        try:
            read(field.data or "")
        except Refused as refused:
            raise ValidationError(refusal(refused)) from refused

    return check


def in_turn(*checks: Callable[[Form, Field], None]) -> Callable[[Form, Field], None]:
    """The checks one after the other; the first that fails has the word, so that a field has one error at a time."""

    def check(form: Form, field: Field) -> None:
        for each in checks:
            each(form, field)

    return check


def only_if(wanted: Callable[[Form], bool], *checks: Callable[[Form, Field], None]) -> Callable[[Form, Field], None]:
    """The checks hold only where the rest of the form asks for this field."""

    def check(form: Form, field: Field) -> None:
        if wanted(form):
            in_turn(*checks)(form, field)

    return check


def if_filled(*checks: Callable[[Form, Field], None]) -> Callable[[Form, Field], None]:
    def check(form: Form, field: Field) -> None:
        if (field.data or "").strip():
            in_turn(*checks)(form, field)

    return check


def amount_in(currency_field: str) -> Callable[[Form, Field], None]:
    """An amount in the currency that another field of the form names."""

    def check(form: Form, field: Field) -> None:
        currency = form[currency_field].data
        try:
            # The currency has its own error; the amount is still judged, in one that takes two decimals.
            read_amount(field.data or "", currency if currency in CURRENCIES else "EUR")
        except Refused as refused:
            raise ValidationError(refusal(refused)) from refused

    return check


def day_has_begun(form: Form, field: Field) -> None:
    """A day that has begun somewhere on Earth; the form knows which is the latest one."""
    if read_day(field.data) > form.today:
        raise ValidationError(refusal(Refused("day_in_future")))


class DayField(StringField):
    """A day, picked where the browser can; what is no day is shown as it was typed, to be corrected."""

    def __call__(self, **render: Any) -> Any:
        shown = not self.data or re.fullmatch(r"\d{4}-\d\d-\d\d", self.data, re.ASCII)
        self.widget = DateInput() if shown else TextInput()
        return super().__call__(**render)


class MultiCheckboxField(SelectMultipleField):
    """Several of a list, each with its own box."""

    def pre_validate(self, form: Form) -> None:
        """Whether a choice is on the list is the rule's question."""


class LongList(Select):
    """A select of hundreds of lines, written in a tenth of the time."""

    @classmethod
    def render_option(cls, choice: SelectChoice, **given: Any) -> Markup:
        return (_PICKED if choice.selected else _OFFERED) % (choice.value, choice.label)


_OFFERED, _PICKED = Markup('<option value="%s">%s</option>'), Markup('<option value="%s" selected>%s</option>')

Choices = list[tuple[str, str]]


def currency_choices() -> Choices:
    """The currencies by code and name, the most used first."""
    return [("", gettext("Choose a currency")), *_currencies(manner())]


def seat_choices() -> Choices:
    """The countries a party may live in."""
    return [("", gettext("Choose a country")), *_countries(manner())]


def notice_choices() -> Choices:
    """The languages the seller may be written to in."""
    return [(UNKNOWN_LANGUAGE, gettext("I do not know, or another one")), *language_choices()]


def remedy_choices() -> Choices:
    return [("", gettext("Choose what you ask for")), *((code, str(words)) for code, words in REMEDIES.items())]


@lru_cache(maxsize=8)
def _currencies(locale: Locale) -> Choices:
    rest = sorted(CURRENCIES - set(COMMON_CURRENCIES))
    return [(code, f"{code} – {get_currency_name(code, locale=locale)}") for code in (*COMMON_CURRENCIES, *rest)]


@lru_cache(maxsize=8)
def _countries(locale: Locale) -> Choices:
    # Sorting them anew for every page would cost more than the rest of it. `locale` is the page's own.
    return country_choices()


def _picked(label: Any, offered: Callable[[], Choices], message: Any, **options: Any) -> SelectField:
    """One of a list, and not the line that asks to choose."""
    check = one_of(lambda: [choice for choice in offered() if choice[0]], message)
    return SelectField(label, [check], choices=_lines(offered), validate_choice=False, widget=LongList(), **options)


def _lines(offered: Callable[[], Choices]) -> Callable[[], list[SelectChoice]]:
    return lambda: [SelectChoice(code, words) for code, words in offered()]


def _ticks(mapping: Mapping[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(code, words) for code, words in mapping.items()]


def _chosen(mapping: Mapping[str, Any]) -> Callable[[], list[tuple[str, str]]]:
    return lambda: [(code, str(words)) for code, words in mapping.items()]


def _radios(label: Any, mapping: Mapping[str, Any], message: Any) -> RadioField:
    return RadioField(label, [one_of(_chosen(mapping), message)], choices=_ticks(mapping), validate_choice=False)


def _line(label: Any, *checks: Any, **options: Any) -> StringField:
    return StringField(label, [in_turn(*checks, not_longer(LINE))], **options)


# -- the steps ------------------------------------------------------------------------------------------------


class Step(Form):
    """A step of the filing, read from the words of a draft. The token of the form is checked before, for every page."""

    def __init__(
        self,
        typed: Mapping[str, str] | None = None,
        *,
        today: date = date.max,
        ordered_on: str = "",
        own_address: str = "",
    ) -> None:
        self.today = today
        self.ordered_on = ordered_on
        self.own_address = own_address
        super().__init__(MultiDict(typed) if typed is not None else None)

    @classmethod
    def typed_in(cls, sent: MultiDict[str, str]) -> dict[str, str]:
        """What was sent for this step and nothing else, in a form that can be kept."""
        form = cls()
        return {
            name: tidy(sent.get(name, ""), KEPT_TEXT) if isinstance(field, TextAreaField) else tidy_line(sent[name])
            for name, field in form._fields.items()
            if name in sent
        }

    def faults(self) -> list[tuple[str, str]]:
        """Pairs of a field's id and the sentence beside it, in the order of the page."""
        found = []
        for field in self:
            target = f"{field.id}-0" if isinstance(field, RadioField) else field.id
            found += [(target, str(sentence)) for sentence in field.errors]
        return found


class CategoryStep(Step):
    """What went wrong."""

    category = _radios(
        _("What went wrong?"), CATEGORIES, _("Choose what went wrong. If nothing fits, choose “Something else”.")
    )


class OrderStep(Step):
    """What was bought, when, and for how much."""

    bought = _line(
        _("What did you buy?"),
        filled(_("Write what you bought.")),
        description=_("A few words, as they stand in the order. For example: two bicycle lights, model B2."),
    )
    reference = _line(
        _("Order number (if there is one)"),
        description=_("It stands in the confirmation of your order. It lets the seller find your order at once."),
    )
    ordered_on = DayField(
        _("When did you order?"),
        [in_turn(filled(_("Give the day of your order.")), as_rule_says(read_day), day_has_begun)],
        description=_("The day you ordered, not the day it came. If you do not know it exactly, give the nearest."),
    )
    paid = StringField(
        _("How much did you pay in all?"),
        [in_turn(filled(_("Write how much you paid.")), amount_in("currency"))],
        description=_("With delivery, as it was charged to you. For example: 48.90"),
    )
    currency = _picked(_("In which currency?"), currency_choices, _("Choose the currency you paid in."))
    country = _picked(
        _("In which country do you live?"),
        seat_choices,
        _("Choose your country from the list."),
        description=_("Where you lived when you ordered. It decides which public holidays count for your time limits."),
    )


class SellerStep(Step):
    """Who sold it, and how they are reached."""

    name = _line(
        _("What is the seller called?"),
        filled(_("Write the name of the seller or the shop.")),
        description=_("As it stands in the order or on the invoice: the shop, the company or the person."),
    )
    email = EmailField(
        _("The seller’s e-mail address"),
        [if_filled(new_address, not_longer(254))],
        description=_("The notice goes there. Look in the confirmation of your order or under “Contact” on the site."),
    )
    site = _line(
        _("The seller’s web site, or their page on a marketplace"),
        if_filled(as_rule_says(site_key)),
        description=_("For example: shop.example, or the whole address of the shop’s page."),
    )
    country = _picked(
        _("In which country is the seller?"),
        seat_choices,
        _("Choose the seller’s country from the list."),
        description=_("The country in the seller’s address. If you cannot find one, the one it was sent from."),
    )
    language = _picked(
        _("In which language should we write to the seller?"),
        notice_choices,
        _("Choose a language from the list."),
    )

    def validate_email(self, field: Field) -> None:
        if not (field.data or "").strip() and not (self.site.data or "").strip():
            raise ValidationError(
                gettext("Give an e-mail address or a web site of the seller, so that the notice can reach them.")
            )
        if (field.data or "").strip().lower() == self.own_address:
            raise ValidationError(refusal(Refused("seller_is_buyer")))


class ContactStep(Step):
    """That the seller was asked first, and what came of it (Directive 2013/11/EU, Art. 5(4)(a))."""

    contacted = RadioField(
        _("Have you told the seller about the problem?"),
        [one_of(lambda: [("yes", ""), ("no", "")], _("Say whether you have told the seller about the problem."))],
        choices=_ticks({"yes": _("Yes, I have"), "no": _("No, I have not contacted the seller")}),
        validate_choice=False,
    )
    contacted_on = DayField(
        _("When did you first tell them?"),
        [
            only_if(
                lambda form: form.contacted.data == "yes",
                filled(_("Give the day you first told the seller.")),
                as_rule_says(read_day),
                day_has_begun,
            )
        ],
    )
    channel = RadioField(
        _("How did you tell them?"),
        [
            only_if(
                lambda form: form.contacted.data == "yes",
                one_of(_chosen(CHANNELS), _("Choose how you told the seller.")),
            )
        ],
        choices=_ticks(CHANNELS),
        validate_choice=False,
    )
    answer = TextAreaField(
        _("What did the seller answer?"),
        [not_longer(5_000)],
        description=_("In your own words. If there was no answer, leave this empty."),
    )

    def validate_contacted_on(self, field: Field) -> None:
        try:
            early = self.contacted.data == "yes" and read_day(field.data or "") < read_day(self.ordered_on)
        except Refused:
            # Which of the two days is wrong is said beside that day.
            return
        if early:
            raise ValidationError(refusal(Refused("contacted_before_order")))


class ClaimRow(Form):
    """One thing that is asked for."""

    remedy = _picked(_("What do you ask for?"), remedy_choices, _("Choose what you ask for from the list."))
    amount = StringField(_("How much, if it is about money?"), description=_("For example: 48.90"))
    currency = SelectField(_("Currency"), choices=_lines(currency_choices), validate_choice=False, widget=LongList())

    def validate_amount(self, field: Field) -> None:
        """An amount for money, and none for anything else."""
        money, typed = self.remedy.data in MONEY_REMEDIES, (field.data or "").strip()
        if not money and typed and self.remedy.data in REMEDIES:
            raise ValidationError(gettext("This is not about money. Leave the amount empty, or choose another."))
        if money and not typed:
            raise ValidationError(gettext("Write how much you ask for."))
        if typed and money:
            amount_in("currency")(self, field)

    def validate_currency(self, field: Field) -> None:
        if self.remedy.data in MONEY_REMEDIES and field.data not in CURRENCIES:
            raise ValidationError(gettext("Choose a currency from the list."))


# As in the shipped ruleset; the rule itself asks the ruleset that the dispute is pinned to.
MONEY_REMEDIES = frozenset({"refund", "part_refund", "costs"})
_ROW = ("remedy", "amount", "currency")


class ClaimStep(Step):
    """What is asked for, thing by thing."""

    items = FieldList(FormField(ClaimRow), min_entries=1, max_entries=MOST_ITEMS)

    @classmethod
    def typed_in(cls, sent: MultiDict[str, str]) -> dict[str, str]:
        """The rows that were sent, counted anew from the first; a forged number of rows is never believed."""
        rows = [
            {part: tidy_line(sent.get(f"items-{place}-{part}", "")) for part in _ROW}
            for place in range(MOST_ITEMS)
            if any(f"items-{place}-{part}" in sent for part in _ROW)
        ]
        return rows_typed(rows)

    def faults(self) -> list[tuple[str, str]]:
        return [(field.id, str(sentence)) for row in self.items for field in row.form for sentence in field.errors]


def typed_rows(typed: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of a claim as typed."""
    count = len({name.split("-")[1] for name in typed})
    return [{part: typed.get(f"items-{place}-{part}", "") for part in _ROW} for place in range(count)]


def rows_typed(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Rows of a claim as the fields of its form."""
    return {f"items-{place}-{part}": row[part] for place, row in enumerate(rows) for part in _ROW}


class StoryStep(Step):
    """What happened, in the buyer's own words."""

    narrative = TextAreaField(
        _("What happened?"),
        [in_turn(filled(_("Tell what happened, in your own words.")), text_length)],
        description=_(
            "Tell it in the order it happened, with the days you know. Ten sentences are often enough. Write in your "
            "own language. The seller and the mediator will read this."
        ),
    )


STEPS: dict[str, type[Step]] = {
    "category": CategoryStep,
    "order": OrderStep,
    "seller": SellerStep,
    "contact": ContactStep,
    "claim": ClaimStep,
    "story": StoryStep,
}


# -- what follows the filing ----------------------------------------------------------------------------------


class DeclarationForm(FlaskForm):
    """Says that it is true, and files."""

    declared = BooleanField(
        _("What I have written is true as far as I know, and no court or other body is dealing with it."),
    )

    def validate_declared(self, field: Field) -> None:
        if not field.data:
            raise ValidationError(gettext("Tick the box to say that what you have written is true."))


def _words(label: Any, missing: Any, **options: Any) -> TextAreaField:
    return TextAreaField(label, [in_turn(filled(missing), text_length)], **options)


class CompletionForm(ActForm):
    """The buyer completes the filing."""

    text = _words(
        _("Your answer"),
        _("Write what the registrar asked for."),
        description=_("It becomes part of the filing. The registrar and later the seller will read it."),
    )


class ReviewForm(ActForm):
    """The buyer asks another registrar to look at a refusal."""

    text = _words(
        _("Why should it be admitted?"),
        _("Write why you think the refusal is wrong."),
        description=_("Another registrar than the one who refused will read this together with your filing."),
    )


class AdmissionForm(Form):
    """The registrar admits the filing: one button."""


class InformationForm(Form):
    """The registrar asks the buyer to complete the filing."""

    topics = MultiCheckboxField(_("What is missing?"), choices=_ticks(TOPICS))
    text = _words(
        _("What exactly should the buyer add?"),
        _("Write what the buyer should add."),
        description=_("The buyer reads this word for word."),
    )

    def validate_topics(self, field: Field) -> None:
        if not field.data or any(topic not in TOPICS for topic in field.data):
            raise ValidationError(refusal(Refused("topic_missing")))


class RefusalForm(Form):
    """The registrar refuses, or upholds the seller's objection, on one ground of the closed list."""

    ground = _radios(_("On which ground?"), GROUNDS, _("Choose a ground from the closed list."))
    text = _words(
        _("Your reasons"),
        _("Give your reasons; the parties will read them."),
        description=_("The parties read this word for word."),
    )


class SuspensionForm(Form):
    """The registrar lets all time stand still, on one ground of the closed list."""

    ground = _radios(
        _("On which ground?"),
        {code: words for code, words in SUSPENSION_GROUNDS.items() if code != "notice_returned"},
        _("Choose a ground from the closed list."),
    )
    text = _words(
        _("Your reasons"),
        _("Give your reasons; the parties will read them."),
        description=_("The parties read this word for word."),
    )


class HandoverForm(Form):
    """The registrar records that a court or another body has the dispute now."""

    reason = _radios(_("Who has it now?"), HANDOVERS, _("Choose who has it now from the list."))
    text = _words(
        _("How you know it"),
        _("Give your reasons; the parties will read them."),
        description=_("The parties read this word for word."),
    )


class ReasonForm(Form):
    """The registrar gives a reason: for keeping the dispute, or for more time."""

    text = _words(
        _("Your reasons"),
        _("Give your reasons; the parties will read them."),
        description=_("The parties read this word for word."),
    )
