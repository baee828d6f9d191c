"""The forms of erasure: asking for it, and holding words."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, StringField
from wtforms.fields import SelectChoice

from odr.disputes.forms import ActForm
from odr.kernel import Refused
from odr.web import sentences


class ErasureForm(FlaskForm):
    """Asks for everything to be erased; confirmed by the password, or by the address of an account without one."""

    password = PasswordField(_("Your password"), default="")
    email = StringField(
        _("Your e-mail address"),
        default="",
        description=_(
            "You have no password. Type your address as it stands above, so that nothing happens by mistake."
        ),
    )


class HoldForm(ActForm):
    """Has the words of a dispute kept."""

    # Not `ground`: other forms of a dispute have one of another list.
    hold_ground = RadioField(
        _("Why they must be kept"),
        choices=[SelectChoice(code, words) for code, words in sentences.HOLD_GROUNDS.items()],
        validate_choice=False,
    )

    def refuse(self, refused: Refused, field: str = "text") -> None:
        """A ground that is missing or not on the list is told beside the list."""
        super().refuse(refused, field)
        if refused.code == "ground_unknown":
            self.form_errors = []
            self.hold_ground.errors = [gettext("Choose a ground of the list.")]
