"""The forms of a seller's profile."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField

from odr.disputes.forms import ActForm
from odr.people.forms import filled


class AddressForm(FlaskForm):
    """Claims an address under a domain that was proven."""

    address = StringField(
        _("An address under which customers reach you"),
        [filled(_("Write the address, for example service@shop.example or shop.example."))],
        description=_("An e-mail address, or the site as a whole: service@shop.example or shop.example."),
        render_kw={"maxlength": 254},
    )


class SeatForm(ActForm):
    """Takes the seller's seat."""
