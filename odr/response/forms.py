"""The forms of the seller's answer: the invitation, and each of the five replies."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    Form,
    RadioField,
    StringField,
    SubmitField,
    TextAreaField,
    ValidationError,
)

from odr.disputes.forms import ActForm, text_length
from odr.filing.forms import LINE, as_rule_says, if_filled, in_turn, not_longer
from odr.filing.service import site_key
from odr.kernel import Money, Refused, read_number
from odr.people.forms import filled, name_shape, new_address
from odr.people.rules import MOST_NAME
from odr.procedure.dispute import Dispute
from odr.procedure.events import Term
from odr.web.filters import amount
from odr.web.forms import read_amount
from odr.web.sentences import REMEDIES, REPLIES, refusal


class JoinForm(ActForm):
    """Comes to the dispute by the mailed link, with a new account."""

    name = StringField(
        _("Your name, or the name of your business"),
        [name_shape],
        description=_("As it should appear to the buyer."),
        render_kw={"maxlength": MOST_NAME},
    )


class ReturnForm(ActForm):
    """Comes to the dispute by the mailed link, with the account that there is."""


def number_shape(form: Form, field: Field) -> None:
    """A number whose check sign fits. That says nothing about whether there is such a dispute."""
    if read_number(field.data or "") is None:
        raise ValidationError(gettext("This number is not complete or has a slip. Compare it with our notice."))


class NumberForm(FlaskForm):
    """Asks for a new link by the number of the dispute."""

    number = StringField(
        _("Number of the dispute"),
        [number_shape],
        description=_("It looks like 7K3M-Q9TZ-5."),
    )


class ChoiceForm(FlaskForm):
    """Chooses one of the replies. Nothing is said yet."""

    choice = RadioField(_("How do you reply?"), validate_choice=False)

    status: int = HTTPStatus.OK

    def offer(self, choices: tuple[str, ...]) -> None:
        """Offer the replies that the dispute's ruleset knows."""
        self.choice.choices = [(choice, REPLIES[choice]) for choice in choices]

    def validate_choice(self, field: Field) -> None:
        if field.data not in dict(self.choice.choices or ()):
            self.status = HTTPStatus.UNPROCESSABLE_ENTITY
            raise ValidationError(refusal(Refused("choice_unknown")))


class OurOrderForm(ActForm):
    """A reply with which the seller can say that the order is theirs."""

    ours = BooleanField(
        _("This order is one of ours"),
        description=_("You need not say so. The buyer and whoever mediates read it; it does not say who is right."),
    )


class AcceptAllForm(OurOrderForm):
    """Accepts the claim in full."""


class ContestForm(OurOrderForm):
    """Contests the claim."""

    text = TextAreaField(
        _("Why you contest it"),
        [filled(_("Say in a few words why you contest the claim.")), text_length],
        default="",
        description=_("In your own words and in your own language. Pictures and papers can follow as evidence."),
    )


class ObjectForm(ActForm):
    """Objects that the dispute does not belong here."""

    text = TextAreaField(
        _("Why it does not belong here"),
        [filled(_("Say in a few words why the dispute does not belong here.")), text_length],
        default="",
        description=_("For example because it is before a court, or because you were not the seller."),
    )


class DeclineForm(ActForm):
    """Declines to take part."""

    text = TextAreaField(
        _("Why you decline"), [text_length], default="", description=_("You need not say why. The buyer reads it.")
    )


class OfferForm(OurOrderForm):
    """Answers the claim item by item. The fields of the items are made for each dispute by `offer_form`."""

    items: tuple[tuple[str, Money | None], ...] = ()

    text = TextAreaField(
        _("What you say with it"),
        [text_length],
        default="",
        description=_("You need not say anything. The buyer reads it; whoever mediates or decides does not."),
    )
    later = SubmitField(_("Reply now, make the offer later"))

    def validate(self, extra_validators: Any = None) -> bool:
        if not super().validate(extra_validators):
            return False
        if self.later.data or any(term.granted for term in self.terms):
            return True
        # In the negotiation an offer to let the matter rest has its place; as a first reply it is a slip.
        self.refuse(Refused("offer_of_nothing"))
        return False

    @property
    def terms(self) -> tuple[Term, ...]:
        """What is offered on each item of the claim, once the form is valid."""
        return tuple(self._term(place, name, claimed) for place, (name, claimed) in enumerate(self.items))

    def _term(self, place: int, name: str, claimed: Money | None) -> Term:
        if claimed is None:
            return Term(place, bool(self[name].data))
        offered = offered_amount(self[name].data, claimed.currency)
        return Term(place, offered is not None, offered)


def offered_amount(text: str | None, currency: str) -> Money | None:
    """An amount as it was typed; nothing and zero are no offer on this item. Raises Refused."""
    plain = (text or "").strip()
    if not plain.strip("0.,"):
        return None
    return read_amount(plain, currency)


def offer_form(dispute: Dispute) -> OfferForm:
    """A form with one field for each item of this claim, amounts filled in as they are claimed."""
    fields: dict[str, Any] = {}
    items = []
    for place, item in enumerate(dispute.items):
        name = f"item_{place}"
        items.append((name, item.amount))
        remedy = str(REMEDIES[item.remedy])
        if item.amount is None:
            fields[name] = BooleanField(
                remedy, description=gettext("The buyer asks for this. Tick it if you will do it.")
            )
        else:
            fields[name] = StringField(
                gettext("%(remedy)s, in %(currency)s", remedy=remedy, currency=item.amount.currency),
                [_readable_in(item.amount.currency)],
                default=str(item.amount),
                description=gettext(
                    "The buyer asks for %(amount)s. Leave it empty if you give nothing here.",
                    amount=amount(item.amount),
                ),
            )
    return type("OfferFormOfDispute", (OfferForm,), {**fields, "items": tuple(items)})()


def _readable_in(currency: str) -> Any:
    def check(form: Form, field: Field) -> None:
        if form["later"].data:
            return
        try:
            offered_amount(field.data, currency)
        except Refused as refused:
            raise ValidationError(refusal(refused)) from refused

    return check


class AddressForm(ActForm):
    """The buyer names another address of a seller who could not be reached. `used` are the addresses that were tried,
    `own` is the buyer's."""

    email = EmailField(
        _("Another e-mail address of the seller"),
        [in_turn(filled(_("Give an e-mail address of the seller.")), new_address, not_longer(254))],
        description=_("Look on the invoice, in the confirmation of your order, or under “Contact” on their site."),
    )
    site = StringField(
        _("The seller’s web site, if it is another one"),
        [if_filled(as_rule_says(site_key), not_longer(LINE))],
        description=_("For example: shop.example. You need not give one."),
    )

    own: str = ""
    used: frozenset[str] = frozenset()

    def validate_email(self, field: Field) -> None:
        named = (field.data or "").strip().lower()
        if named == self.own:
            raise ValidationError(refusal(Refused("seller_is_buyer")))
        if named in self.used:
            raise ValidationError(gettext("Mail to this address came back. Give another one."))


FORMS: Mapping[str, Any] = {
    "accept_all": AcceptAllForm,
    "contest": ContestForm,
    "object": ObjectForm,
    "decline": DeclineForm,
}
