"""The form with which a registrar opens a dispute."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import RadioField, TextAreaField
from wtforms.fields import SelectChoice

from odr.disputes.forms import ActForm, text_length
from odr.kernel import Refused
from odr.web.sentences import OPENING_GROUNDS


class OpeningForm(ActForm):
    """Opens a dispute in which nothing waits for a registrar."""

    # Not `ground`: other forms of a dispute have one of another list.
    opening_ground = RadioField(
        _("Why you open it"),
        choices=[SelectChoice(code, words) for code, words in OPENING_GROUNDS.items()],
        validate_choice=False,
    )
    text = TextAreaField(
        _("Your reason"),
        [text_length],
        default="",
        description=_("What happened, and what you have to look at. The parties read this word for word."),
    )

    def refuse(self, refused: Refused, field: str = "text") -> None:
        """A ground that is missing or not on the list is told beside the list."""
        super().refuse(refused, field)
        if refused.code == "ground_unknown":
            self.form_errors = []
            self.opening_ground.errors = [gettext("Choose a ground of the list.")]
