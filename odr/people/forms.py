"""The forms of the people room: they check the shape of what is typed, never whether it is right."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, Form, HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import StopValidation, ValidationError

from odr.kernel import Refused, is_zone
from odr.people.rules import LEAST_PASSWORD, MOST_NAME, MOST_PASSWORD, check_password, email_key, tidy_name
from odr.web.language import manner, offered
from odr.web.sentences import refusal

# Codes of regions that are no country people live in: exceptional reservations, groups of states, test locales.
_NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
_CONTINENTS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


def country_choices() -> list[tuple[str, str]]:
    """The countries by their names in the language of the page."""
    named = [
        (code, name)
        for code, name in manner().territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
    ]
    return sorted(named, key=lambda country: country[1].casefold())


def language_choices() -> list[tuple[str, str]]:
    """The languages of this house, each by its own name."""
    return [(each.code, each.name) for each in offered()]


@cache
def zone_choices() -> list[tuple[str, str]]:
    """The time zones of the world by continent and city, and UTC."""
    cities = sorted(zone for zone in available_timezones() if zone.startswith(tuple(f"{c}/" for c in _CONTINENTS)))
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ").replace("/", " / ")) for zone in cities)]


def filled(message: Any) -> Callable[[Form, Field], None]:
    """The field must not be left empty."""

    def check(form: Form, field: Field) -> None:
        if not (field.data or "").strip():
            raise StopValidation(str(message))

    return check


def one_of(choices: Callable[[], list[tuple[str, str]]], message: Any) -> Callable[[Form, Field], None]:
    """The field must hold one of the choices offered."""

    def check(form: Form, field: Field) -> None:
        if field.data not in {code for code, _name in choices()}:
            raise ValidationError(str(message))

    return check


def address_shape(form: Form, field: Field) -> None:
    """Something that could be an address; says nothing about whether anybody has it."""
    try:
        email_key(field.data or "")
    except Refused as refused:
        raise ValidationError(refusal(refused)) from refused


def new_address(form: Form, field: Field) -> None:
    """An address that mail can be sent to, as far as its syntax tells."""
    address_shape(form, field)
    try:
        # Whether the domain answers is found out by the mail itself; the house asks nobody about its visitors.
        validate_email(field.data, check_deliverability=False, test_environment=True)
    except EmailNotValidError as invalid:
        raise ValidationError(refusal(Refused("email_malformed"))) from invalid


def name_shape(form: Form, field: Field) -> None:
    """A name with at least one readable sign."""
    try:
        tidy_name(field.data or "")
    except Refused as refused:
        raise ValidationError(refusal(refused)) from refused


def known_zone(form: Form, field: Field) -> None:
    """A zone of the IANA database."""
    if not is_zone(field.data or ""):
        raise ValidationError(str(_("Choose a time zone from the list.")))


def not_guessed(form: Form, field: Field) -> None:
    """A password the house would take, told together with whatever else is to be corrected."""
    own = tuple(form[name].data or "" for name in ("name", "email") if name in form)
    try:
        check_password(field.data, own_words=own)
    except Refused as refused:
        raise ValidationError(refusal(refused)) from refused


def _new_password(label: Any) -> PasswordField:
    return PasswordField(
        label,
        [filled(_("Choose a password.")), not_guessed],
        description=_(
            "At least %(least)s and at most %(most)s characters. A few words that only you would put together are "
            "easiest to keep in mind.",
            least=LEAST_PASSWORD,
            most=MOST_PASSWORD,
        ),
    )


class RegistrationForm(FlaskForm):
    """Asks for an account."""

    name = StringField(
        _("Your name"),
        [name_shape],
        description=_("As it should appear to the other side."),
        render_kw={"maxlength": MOST_NAME},
    )
    email = EmailField(
        _("E-mail address"), [new_address], description=_("We mail you a link to confirm it, and every notice.")
    )
    country = SelectField(
        _("Country you live in"),
        [one_of(country_choices, _("Choose your country from the list."))],
        validate_choice=False,
    )
    language = SelectField(
        _("Language for our mails"),
        [one_of(language_choices, _("Choose a language from the list."))],
        validate_choice=False,
    )
    password = _new_password(_("Password"))


class VerificationForm(FlaskForm):
    """Confirms an address; the password is asked for only in a browser that did not ask for the account."""

    password = PasswordField(_("The password that you chose when you asked for the account"))


class SignInForm(FlaskForm):
    """Signs in with a password."""

    email = EmailField(_("E-mail address"), [address_shape])
    password = PasswordField(_("Password"), [filled(_("Type your password."))])
    next = HiddenField()


class AddressForm(FlaskForm):
    """Asks for a mail: a new password, or a link to sign in."""

    email = EmailField(_("E-mail address"), [address_shape])


class NewPasswordForm(FlaskForm):
    """Chooses a password by a mailed link."""

    password = _new_password(_("New password"))


class PasswordForm(FlaskForm):
    """Changes the password of the own account."""

    present = PasswordField(_("Present password"), [filled(_("Type your present password."))])
    password = _new_password(_("New password"))


class AccountForm(FlaskForm):
    """The own account: how the person is called, and how pages and mails are written for them."""

    name = StringField(
        _("Your name"),
        [name_shape],
        description=_("As it should appear to the other side."),
        render_kw={"maxlength": MOST_NAME},
    )
    language = SelectField(
        _("Language for pages and mails"),
        [one_of(language_choices, _("Choose a language from the list."))],
        validate_choice=False,
    )
    zone = SelectField(
        _("Time zone"),
        [known_zone],
        description=_("Dates and times are shown for this zone, and always in UTC as well."),
        validate_choice=False,
    )


class ButtonForm(FlaskForm):
    """One button and nothing to fill in."""
