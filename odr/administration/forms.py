"""The forms of the administrators' desk: they check the shape of what is chosen, never whether it may be done."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, Field, Form, RadioField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation, ValidationError

from odr.kernel import Refused
from odr.people.rules import MOST_EMAIL, MOST_NAME, email_key
from odr.web.sentences import refusal

RESET_GROUNDS = {
    "lost": _("It is lost or broken"),
    "stolen": _("It was stolen"),
    "left": _("It was left behind with somebody else"),
}
SUSPENSION_GROUNDS = {
    "insecure": _("The account seems to be in wrong hands"),
    "misuse": _("It is used against the rules of this house"),
    "authority": _("A court or an authority demands it"),
    "asked": _("Its holder asks for it"),
}
ROLES = {
    "registrar": _("Registrar: admits filings, and never reads the merits"),
    "regulator": _("Regulator: watches the figures"),
    "admin": _("Administrator: gives and takes desks, and sees no dispute"),
}


def _address(form: Form, field: Field) -> None:
    # Not the form of somebody who opens an account: an address may be known here that could not be registered today.
    try:
        email_key(field.data or "")
    except Refused as refused:
        raise ValidationError(str(refusal(refused))) from refused


def _chosen(form: Form, field: Field) -> None:
    if field.data not in {choice.value for choice in field.choices}:
        raise StopValidation(str(_("Choose one of the list.")))


def _choice(label: Any, words: dict[str, Any]) -> RadioField:
    choices = [SelectChoice(code, said) for code, said in words.items()]
    return RadioField(label, [_chosen], choices=choices, validate_choice=False)


class FindForm(FlaskForm):
    """Finds an account by its address."""

    email = EmailField(_("E-mail address"), [_address], render_kw={"maxlength": MOST_EMAIL})


class RoleForm(FlaskForm):
    """Trusts somebody with a desk."""

    role = _choice(_("Which desk"), ROLES)
    email = EmailField(_("E-mail address"), [_address], render_kw={"maxlength": MOST_EMAIL})
    name = StringField(
        _("Name"),
        default="",
        description=_("Needed where the address has no account yet."),
        render_kw={"maxlength": MOST_NAME},
    )


class SuspensionForm(FlaskForm):
    """Suspends an account."""

    ground = _choice(_("Why"), SUSPENSION_GROUNDS)


class ResetForm(FlaskForm):
    """Asks that lost second factors be taken away."""

    ground = _choice(_("What happened"), RESET_GROUNDS)


class AgreementForm(FlaskForm):
    """Agrees with it, as the second person."""

    made_sure = BooleanField(
        _("I have made sure, in person or by a number that this house had before, that it is them who asks.")
    )

    def validate_made_sure(self, field: BooleanField) -> None:
        if not field.data:
            raise ValidationError(str(_("Make sure first. Whoever has their mailbox and a reset has their account.")))
