"""What is said of a consent: to whoever gives it, and to whoever reads of it later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from odr.log.consent import PASSKEY, Wrong, read, site_of, thumbprint

# What stands above the button, in the words of whoever presses it; it is kept with the consent.
STATEMENTS = {
    "settlement:sign": _("With your signature you confirm that you have read these terms and stand by them."),
    "decision:issue": _("With the button you issue this decision as it stands on this page."),
    "decision:accept": _("With the button you accept the decision as it stands on record."),
    "decision:reject": _("With the button you reject the decision as it stands on record."),
    "offer:accept": _("With the button you accept the offer as it stands on record, and it binds both sides."),
    "proposal:accept": _(
        "With the button you accept the proposal as it stands on record. It binds both sides once both accepted it."
    ),
    "reply:give": _("With the button you agree to everything that the buyer asks for, and it binds you."),
}

_SIGNED = {
    "buyer": _("Signed with the buyer’s own passkey."),
    "seller": _("Signed with the seller’s own passkey."),
    "mediator": _("Signed with the mediator’s own passkey."),
}
_SIGNED_FOR = {
    "buyer": _("Signed with the passkey of whoever represents the buyer."),
    "seller": _("Signed with the passkey of whoever represents the seller."),
}
_CONFIRMED = {
    "buyer": _("Confirmed by the buyer with a button, without a passkey."),
    "seller": _("Confirmed by the seller with a button, without a passkey."),
    "mediator": _("Confirmed by the mediator with a button, without a passkey."),
}
_CONFIRMED_FOR = {
    "buyer": _("Confirmed by whoever represents the buyer with a button, without a passkey."),
    "seller": _("Confirmed by whoever represents the seller with a button, without a passkey."),
}
_SIGNED_IN = {
    ("password", "none"): _("Signed in with a password alone."),
    ("password", "passkey"): _("Signed in with a password and a passkey."),
    ("password", "totp"): _("Signed in with a password and a code from an app."),
    ("password", "recovery"): _("Signed in with a password and a recovery code."),
    ("link", "none"): _("Signed in by a mailed link alone."),
    ("link", "passkey"): _("Signed in by a mailed link and with a passkey."),
    ("link", "totp"): _("Signed in by a mailed link and with a code from an app."),
    ("link", "recovery"): _("Signed in by a mailed link and with a recovery code."),
    ("verify", "none"): _("Signed in by confirming the e-mail address, alone."),
    ("verify", "passkey"): _("Signed in by confirming the e-mail address, and with a passkey."),
    ("verify", "totp"): _("Signed in by confirming the e-mail address, and with a code from an app."),
    ("verify", "recovery"): _("Signed in by confirming the e-mail address, and with a recovery code."),
    ("invite", "none"): _("Signed in by the link of the invitation alone."),
    ("invite", "passkey"): _("Signed in by the link of the invitation and with a passkey."),
    ("invite", "totp"): _("Signed in by the link of the invitation and with a code from an app."),
    ("invite", "recovery"): _("Signed in by the link of the invitation and with a recovery code."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A consent as people read of it: whether its maker's own key signed, in sentences how, and what they were told
    that they do. `key` is the digest of that key, `site` where it signed; both empty without one."""

    is_signed: bool
    lines: list[Any]
    text: str
    language: str
    key: str = ""
    site: str = ""


def statement(permission: str) -> str:
    """What whoever has this permission is told above the button of its act."""
    return str(STATEMENTS[permission])


def told_of(role: str, payload: str, *, for_another: bool = False) -> Told | None:
    """What the consent beside an entry of this role says, `for_another` where a representative made it; None where it
    cannot be read, which verifiers name."""
    signed, confirmed = (_SIGNED_FOR, _CONFIRMED_FOR) if for_another else (_SIGNED, _CONFIRMED)
    try:
        told = read(payload.encode())
        if told["kind"] == PASSKEY:
            key, site = thumbprint(told["key"]), site_of(told)
            return Told(True, [signed[role]], told["text"], told["language"], key, site)
        lines = [confirmed[role], _SIGNED_IN[told["began"], told["factor"]]]
        return Told(False, lines, told["text"], told["language"])
    except (Wrong, KeyError):
        return None
