"""The forms of second factors: they check the shape of what is typed, never whether it is right."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField

from odr.factors.rules import MOST_NAME
from odr.people.forms import filled


class BeginForm(FlaskForm):
    """Begins to add a factor; the first one is confirmed by the password, or by the address of an account without."""

    password = PasswordField(_("Your password"), default="")
    email = StringField(
        _("Your e-mail address"), default="", description=_("You have no password, so type your address.")
    )


class NameForm(FlaskForm):
    """What every factor that is added can be given."""

    name = StringField(
        _("A name for it (optional)"),
        default="",
        description=_("So that you know it again in your list, for example “my telephone”."),
        render_kw={"maxlength": MOST_NAME},
    )


class AppForm(NameForm):
    """Confirms an app by the code that it shows."""

    code = StringField(
        _("The six digits that the app shows now"), [filled(_("Type the code."))], render_kw={"maxlength": 20}
    )


class PasskeyForm(NameForm):
    """Adds the passkey that the browser made."""

    answer = HiddenField(default="")


class CodeForm(FlaskForm):
    """Proves a factor by a code."""

    code = StringField(
        _("Code"),
        [filled(_("Type the code."))],
        description=_("The six digits that your app shows now, or one of your recovery codes."),
        render_kw={"maxlength": 60},
    )
    next = HiddenField()


class AnswerForm(FlaskForm):
    """Proves a passkey by what the browser signed with it."""

    answer = HiddenField(default="")
    next = HiddenField()
