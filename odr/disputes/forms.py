"""The forms of a dispute's own acts: they check the shape of what is sent, never whether it is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import Field, Form, HiddenField, TextAreaField, ValidationError

from odr.kernel import Refused
from odr.log.halt import STOPPED
from odr.procedure.rules import LONGEST_TEXT
from odr.web.sentences import refusal

KEY = re.compile(r"[0-9a-f]{32}")
SEAL = re.compile(r"[0-9a-f]{64}")


def shaped(pattern: re.Pattern[str]) -> Callable[[Form, Field], None]:
    """A hidden field holds what the page put into it, as far as its shape tells."""

    def check(form: Form, field: Field) -> None:
        if not pattern.fullmatch(field.data or ""):
            raise ValidationError(refusal(Refused("form_stale")))

    return check


def text_length(form: Form, field: Field) -> None:
    """A text is not longer than the rules take."""
    if len(field.data or "") > LONGEST_TEXT:
        raise ValidationError(refusal(Refused("text_too_long", most=LONGEST_TEXT)))


class ActForm(FlaskForm):
    """One act. `key` makes sending it twice the same act; `status` is what the page is answered with."""

    key = HiddenField(validators=[shaped(KEY)])

    status: int = HTTPStatus.OK

    def validate(self, extra_validators: Any = None) -> bool:
        sound = bool(super().validate(extra_validators))
        if not sound:
            self.status = HTTPStatus.UNPROCESSABLE_ENTITY
        return sound

    def refuse(self, refused: Refused, field: str = "text") -> None:
        """Put the sentence of a refusal into the form, beside its field where it is about one."""
        self.status = HTTPStatus.SERVICE_UNAVAILABLE if refused.code == STOPPED else HTTPStatus.CONFLICT
        place = {"text_missing": field, "reasons_missing": field, "text_too_long": field}.get(refused.code)
        if place and place in self:
            self[place].errors = [*self[place].errors, refusal(refused)]
        else:
            self.form_errors.append(refusal(refused))


class MessageForm(ActForm):
    """Writes to the other side."""

    text = TextAreaField(_("Your message"), [text_length], default="")


class WithdrawalForm(ActForm):
    """Withdraws the dispute."""

    text = TextAreaField(
        _("Why you withdraw it"),
        [text_length],
        default="",
        description=_("You need not say why. The other side reads it."),
    )


class SignatureForm(ActForm):
    """Signs the agreement that was shown."""

    seen = HiddenField(validators=[shaped(SEAL)])


class DirectSettlementForm(ActForm):
    """Says that both sides settled outside."""

    text = TextAreaField(
        _("What you agreed on"),
        [text_length],
        default="",
        description=_("What was paid or delivered, and when. The other side reads it."),
    )


class ExtensionForm(ActForm):
    """Asks for more time."""

    text = TextAreaField(
        _("What you need the time for"),
        [text_length],
        default="",
        description=_("You need not say. The other side reads it."),
    )


class AddedTimeForm(ActForm):
    """The mediator gives more time in the present step."""

    text = TextAreaField(
        _("Your reasons"), [text_length], default="", description=_("Both sides read this word for word.")
    )


class SuspensionForm(ActForm):
    """Asks the other side to let all time stand still."""

    text = TextAreaField(
        _("Why time should stand still"),
        [text_length],
        default="",
        description=_("You need not say. The other side reads it."),
    )


class ButtonForm(ActForm):
    """One button and nothing to fill in."""
