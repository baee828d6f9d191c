"""The forms of who acts for a side: naming somebody, and taking a mandate up."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import EmailField, Field, Form, RadioField, StringField, ValidationError
from wtforms.validators import StopValidation

from odr.disputes.forms import ActForm
from odr.filing.forms import LINE, DayField, as_rule_says, in_turn, not_longer
from odr.kernel import Refused
from odr.people.forms import filled, new_address
from odr.people.rules import MOST_NAME, tidy_name
from odr.procedure.access import SCOPES
from odr.procedure.rules import read_day
from odr.web import sentences
from odr.web.sentences import refusal

# Beside which field a refusal is told.
FIELDS = {
    "own_mandate": "email",
    "mandate_days_out_of_range": "until",
    "day_malformed": "until",
    "representative_unnamed": "name",
    "scope_unknown": "scope",
}

# What each scope lets somebody do, as whoever gives a mandate reads it.
MEANINGS = {
    "read": _("They can read all that you can read: what both sides say, the evidence, the offers; and do nothing."),
    "speak": _(
        "They can also write messages, add evidence, answer what the registrar or the mediator asks, and ask for more "
        "time. They can promise nothing in your name."
    ),
    "bind": _(
        "They can also reply to the claim, make and accept offers, sign the agreement, accept or reject the decision, "
        "and end the dispute. What they do binds you as if you had done it, and you cannot take it back."
    ),
}


def name_given(form: Form, field: Field) -> None:
    """A name with at least one readable sign."""
    try:
        tidy_name(field.data or "")
    except Refused as refused:
        raise StopValidation(refusal(Refused("representative_unnamed"))) from refused


class MandateForm(ActForm):
    """Lets somebody act for the side."""

    name = StringField(
        _("Their name"),
        [name_given, not_longer(MOST_NAME)],
        description=_("Both sides, the registrar and the mediator read it."),
        render_kw={"maxlength": MOST_NAME},
    )
    relation = StringField(
        _("Who they are to you"),
        [not_longer(LINE)],
        description=_("For example: my lawyer, my daughter, the consumer centre. You need not say."),
    )
    email = EmailField(
        _("Their e-mail address"),
        [in_turn(filled(_("Give the e-mail address of whoever is to act for you.")), new_address, not_longer(254))],
        description=_("We mail them a link, which works for this address alone. Nobody else reads the address."),
    )
    scope = RadioField(_("What may they do for you?"), validate_choice=False)
    until = DayField(
        _("Until the end of which day?"),
        [as_rule_says(read_day)],
        description=_("You can end the mandate at any time before. Two weeks after the dispute it ends in any case."),
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.scope.choices = [(scope, str(sentences.SCOPES[scope])) for scope in SCOPES]

    def validate_scope(self, field: Field) -> None:
        if field.data not in SCOPES:
            raise ValidationError(refusal(Refused("scope_unknown")))

    def refuse(self, refused: Refused, field: str = "text") -> None:
        super().refuse(refused, field)
        if place := FIELDS.get(refused.code):
            self[place].errors = [*self[place].errors, self.form_errors.pop()]


class TakingUpForm(ActForm):
    """Takes a mandate up, or gives it back."""
