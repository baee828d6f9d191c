"""The forms of compliance: a report, a confirmation, a denial, the registrar's check of the proof, and a grade."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Field, Form, RadioField, TextAreaField, ValidationError
from wtforms.fields import SelectChoice

from odr.disputes.forms import ActForm, text_length
from odr.kernel import Refused

SHOWN, NOT_SHOWN = "yes", "no"

# A grade has a word, so that 1 and 5 cannot be taken for each other.
GRADES = {
    "5": _("5, very good"),
    "4": _("4, good"),
    "3": _("3, neither good nor bad"),
    "2": _("2, poor"),
    "1": _("1, very poor"),
}


class PerformanceForm(ActForm):
    """The seller says what was done."""

    text = TextAreaField(
        _("What you did, and when"),
        [text_length],
        default="",
        description=_("For example: paid on 3 April by bank transfer, with the reference. The buyer reads it."),
    )


class ConfirmationForm(ActForm):
    """The buyer confirms: one button."""


class DenialForm(ActForm):
    """The buyer says that it was not done."""

    text = TextAreaField(
        _("What is missing"),
        [text_length],
        default="",
        description=_("What you have not received, or what is not as it was granted. The seller reads it."),
    )


def one_of_both(form: Form, field: Field) -> None:
    """Shown or not shown: nothing is taken for granted."""
    if field.data not in (SHOWN, NOT_SHOWN):
        raise ValidationError(gettext("Say whether the papers show it."))


class ProofForm(ActForm):
    """The registrar says whether the papers show that it was done."""

    shown = RadioField(
        _("Do the papers show that it was carried out?"),
        [one_of_both],
        choices=[SelectChoice(SHOWN, _("Yes, they show it")), SelectChoice(NOT_SHOWN, _("No, they do not show it"))],
        validate_choice=False,
    )
    text = TextAreaField(
        _("Your reasons"),
        [text_length],
        default="",
        description=_("Which paper shows what, or what is missing. Both sides read this word for word."),
    )


def a_grade(form: Form, field: Field) -> None:
    if field.data not in GRADES:
        raise ValidationError(gettext("Choose one of the grades."))


class RatingForm(ActForm):
    """A side's grade for the procedure."""

    score = RadioField(
        _("How did you find the procedure?"),
        [a_grade],
        choices=[SelectChoice(value, words) for value, words in GRADES.items()],
        validate_choice=False,
        description=_("The procedure, not the outcome: was it clear, fair and quick enough?"),
    )

    def refuse(self, refused: Refused, field: str = "score") -> None:
        super().refuse(refused, field)

    @property
    def given(self) -> dict[str, Any]:
        return {"score": int(self.score.data) if self.score.data in GRADES else 0}
