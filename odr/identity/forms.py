"""The forms of proofs of identity: they check the shape of what is typed, never whether it is right."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import RadioField, StringField

from odr.identity.rules import DNS, WEB
from odr.people.forms import filled


class DomainForm(FlaskForm):
    """Names the domain of one's organisation, and how it will show that it is."""

    domain = StringField(
        _("The domain of your organisation"),
        [filled(_("Write the domain of your organisation, for example shop.example."))],
        description=_("The name under which your customers know you on the web or in mail, for example shop.example."),
        render_kw={"maxlength": 300},
    )
    method = RadioField(
        _("How will the domain show that it is yours?"),
        choices=[
            (DNS, _("By a record of the name service (DNS)")),
            (WEB, _("By a file on the web site")),
        ],
        default=DNS,
        validate_choice=False,
    )
