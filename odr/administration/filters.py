"""How the administrators' desk reads: roles, second factors, and what was done about an account, in words."""

from __future__ import annotations

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from odr.administration.queries import Deed, Holder, Wish

ROLE_NAMES = {
    "registrar": _("Registrar"),
    "mediator": _("Mediator"),
    "regulator": _("Regulator"),
    "admin": _("Administrator"),
}
_GIVEN = {
    "registrar": _("The desk of a registrar was given."),
    "mediator": _("The desk of a mediator was given, with the place on the roster."),
    "regulator": _("The desk of a regulator was given."),
    "admin": _("The desk of an administrator was given."),
}
_TAKEN = {
    "registrar": _("The desk of a registrar was taken away."),
    "mediator": _("The desk of a mediator was taken away."),
    "regulator": _("The desk of a regulator was taken away."),
    "admin": _("The desk of an administrator was taken away."),
}
_SUSPENDED = {
    "insecure": _("The account was suspended: it seemed to be in wrong hands."),
    "misuse": _("The account was suspended: it was used against the rules of this house."),
    "authority": _("The account was suspended: a court or an authority demanded it."),
    "asked": _("The account was suspended: its holder asked for it."),
}
_ASKED = {
    "lost": _("A reset of the second steps was asked for: they were said to be lost or broken."),
    "stolen": _("A reset of the second steps was asked for: they were said to be stolen."),
    "left": _("A reset of the second steps was asked for: they were said to be left behind with somebody else."),
}
_SAID = {
    "lost": _("The second steps are said to be lost or broken."),
    "stolen": _("The second steps are said to be stolen."),
    "left": _("The second steps are said to be left behind with somebody else."),
}
_PLAIN = {
    "account_restored": _("The account was restored."),
    "sessions_ended": _("All its devices were signed out."),
    "factor_reset_refused": _("The reset was refused."),
    "factors_reset": _("All second steps were taken away."),
    "identity_shared": _("One electronic identity was shown for this account and for another one."),
}


def deed_words(deed: Deed) -> str:
    """What was done, in a sentence."""
    by_field = {
        "role_granted": (_GIVEN, "role"),
        "role_taken": (_TAKEN, "role"),
        "account_suspended": (_SUSPENDED, "ground"),
        "factor_reset_asked": (_ASKED, "ground"),
    }
    if deed.type in by_field:
        words, field = by_field[deed.type]
        return str(words[deed.data[field]])
    return str(_PLAIN[deed.type])


def deed_by(deed: Deed) -> str:
    """Who did it."""
    by_house = gettext("The house, by itself")
    return by_house if deed.type == "identity_shared" else deed.by or gettext("The operator, at the machine")


def roles_words(holder: Holder) -> str:
    """The roles of somebody, as a short list for a table."""
    return " · ".join(str(ROLE_NAMES[role]) for role in holder.roles)


def role_words(role: str) -> str:
    return str(ROLE_NAMES[role])


def factors_words(holder: Holder) -> str:
    """What second factors somebody has, by kind."""
    said = []
    if holder.passkeys:
        said.append(ngettext("%(num)d passkey", "%(num)d passkeys", holder.passkeys))
    if holder.apps:
        said.append(ngettext("%(num)d app with codes", "%(num)d apps with codes", holder.apps))
    return " · ".join(said) or gettext("None")


def state_words(holder: Holder) -> str:
    """What stands out about somebody; empty where nothing does."""
    if holder.suspended_at is not None:
        return gettext("Suspended")
    return gettext("A reset waits") if holder.wish else ""


def wish_words(wish: Wish) -> str:
    """Why a reset is asked for, in a sentence."""
    return str(_SAID[wish.ground])
