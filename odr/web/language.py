"""The reader's language and zone: chosen by themselves, else taken from their account, else from their browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Flask, current_app, request
from flask_babel import Babel, get_locale, get_timezone
from flask_login import current_user

from odr.kernel import is_zone

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"
YEAR = 365 * 24 * 60 * 60

babel = Babel()


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the house: `code` in settings and cookies, `tag` (BCP 47) on pages, its own name, direction.

    `manner` is the locale whose dates and numbers are shown: an international reader of English is best served by
    "27 March 2026, 15:03", which cannot be misread, rather than by the American order that plain "en" implies.
    """

    code: str
    tag: str
    name: str
    dir: str
    manner: str


LANGUAGES = {
    language.code: language
    for language in (
        Language("en", "en", "English", "ltr", "en_150"),
        Language("zh_Hans", "zh-Hans", "简体中文", "ltr", "zh_Hans"),
    )
}


def init_language(app: Flask) -> None:
    """Make gettext, dates and numbers follow the reader of each request."""
    babel.init_app(
        app,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=chosen_language,
        timezone_selector=chosen_zone,
    )


def offered() -> list[Language]:
    """The languages this house is set to, in the order of its settings."""
    return [LANGUAGES[code] for code in current_app.extensions["odr"].settings.languages if code in LANGUAGES]


def language() -> Language:
    """The language of this page; English where there is no request."""
    locale = get_locale()
    return LANGUAGES.get(str(locale), LANGUAGES["en"])


def manner() -> Locale:
    """The locale for dates and numbers of this page."""
    return Locale.parse(language().manner)


def zone() -> ZoneInfo:
    """The zone in which this reader sees instants."""
    return ZoneInfo(str(get_timezone() or "UTC"))


def chosen_language() -> str:
    """The cookie, else the account, else the best match of Accept-Language; any Chinese reads simplified Chinese."""
    codes = [each.code for each in offered()]
    for wish in (request.cookies.get("lang"), getattr(current_user, "language", None)):
        if wish in codes:
            return str(wish)
    for tag, _quality in request.accept_languages:
        code = "zh_Hans" if tag.lower().startswith("zh") else tag.split("-")[0].lower()
        if code in codes:
            return code
    return codes[0]


def chosen_zone() -> str:
    """The account, else the cookie that a script sets from the device, else UTC."""
    for wish in (getattr(current_user, "zone", None), request.cookies.get("zone")):
        if wish and is_zone(wish):
            return str(wish)
    return "UTC"
