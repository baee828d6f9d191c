"""How values read on a page: amounts with their code, instants in the reader's zone and UTC, party text as typed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time, get_timezone_location
from babel.numbers import format_decimal
from flask import Flask, current_app, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_login import current_user
from markupsafe import Markup, escape
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.routing import BuildError

from odr.kernel import Money, moment, new_pseudonym
from odr.log.halt import must_rest
from odr.procedure.access import ANYONE, PERMISSIONS, SIGNED_IN
from odr.web.language import language, manner, offered, zone
from odr.web.security import current_house, permission_of

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

UTC_ZONE = ZoneInfo("UTC")

ASKED_AGAIN = 2.0
"""After so many seconds a process asks anew whether the house has stopped."""


def init_filters(app: Flask) -> None:
    """Hand templates the filters, and the few questions that the frame of a page asks."""
    app.jinja_env.filters.update(
        money=money_markup,
        number=number,
        instant=instant_markup,
        moment=moment_markup,
        until=until_markup,
        day=day_markup,
        time_left=time_left,
        filesize=filesize,
        digest=digest_short,
        bidi=bidi,
        paragraphs=paragraphs,
    )
    app.jinja_env.globals.update(
        link_to=link_to, has_endpoint=has_endpoint, new_key=new_pseudonym, here=here, form_errors=form_errors,
        rooms=rooms, footer_links=footer_links, log_stopped=log_stopped,
    )  # fmt: skip

    app.url_defaults(name_the_version)

    @app.context_processor
    def frame() -> dict[str, Any]:
        return {"language": language(), "languages": offered(), "settings": app.extensions["odr"].settings}


# Amounts and numbers.


def amount(value: Money) -> str:
    """ "1,149.00 EUR": grouped in the reader's manner, the code after a no-break space, never a bare symbol."""
    places = value.decimals
    digits = "#,##0" + ("." + "0" * places if places else "")
    # Integer arithmetic all the way: a binary fraction could show a cent that nobody claimed.
    whole, rest = divmod(abs(value.minor), 10**places)
    grouped = format_decimal(whole, format="#,##0", locale=manner())
    if not places:
        text = grouped
    else:
        separator = format_decimal(0.5, format=digits, locale=manner())[1]
        text = f"{grouped}{separator}{rest:0{places}d}"
    return f"{'−' if value.minor < 0 else ''}{text}\N{NO-BREAK SPACE}{value.currency}"


def money_markup(value: Money) -> Markup:
    return Markup('<data class="money" value="{}" dir="ltr">{}</data>').format(
        f"{value} {value.currency}", amount(value)
    )


def number(value: int) -> str:
    return format_decimal(value, locale=manner())


def filesize(size: int) -> str:
    """A size in bytes as people read it: decimal units, one digit after the point from a megabyte on."""
    if size < 1000:
        return ngettext("%(num)d byte", "%(num)d bytes", size)
    if size < 1_000_000:
        return _("%(size)s kB", size=number(round(size / 1000)))
    return _("%(size)s MB", size=format_decimal(size / 1_000_000, format="#,##0.#", locale=manner()))


def digest_short(value: str) -> Markup:
    """The first and last signs of a digest; the page offers the full one on demand."""
    return Markup('<code class="digits" dir="ltr">{}…{}</code>').format(value[:8], value[-4:])


# Instants: milliseconds since 1970 UTC.


def instant_markup(at: int) -> Markup:
    """The exact instant in the reader's zone and in UTC: "27 March 2026, 15:03 Berlin time (14:03 UTC)"."""
    return _time(at, instant_text(at))


def instant_text(at: int) -> str:
    there, utc = moment(at).astimezone(zone()), moment(at)
    if zone() == UTC_ZONE or zone().key in {"Etc/UTC", "GMT", "Etc/GMT"}:
        return _("%(day)s, %(time)s UTC", day=_long_day(utc), time=_hours(utc))
    if there.date() == utc.date():
        return _(
            "%(day)s, %(time)s %(place)s time (%(utc)s UTC)",
            day=_long_day(there),
            time=_hours(there),
            place=_place(),
            utc=_hours(utc),
        )
    return _(
        "%(day)s, %(time)s %(place)s time (%(utc_day)s, %(utc)s UTC)",
        day=_long_day(there),
        time=_hours(there),
        place=_place(),
        utc_day=_long_day(utc),
        utc=_hours(utc),
    )


def until_markup(at: int) -> Markup:
    """The exact end of a time limit: "until 27 March 2026, 15:03 Berlin time (14:03 UTC)"."""
    return _time(at, _("until %(instant)s", instant=instant_text(at)))


def moment_markup(at: int) -> Markup:
    """The short form for lists: "27 Mar 2026, 15:03", in the reader's zone, the zone named in the title."""
    there = moment(at).astimezone(zone())
    text = _("%(day)s, %(time)s", day=_short_day(there), time=_hours(there))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(_machine(at), instant_text(at), text)


def day_markup(at: int, short: bool = False) -> Markup:
    """The day of an instant in the reader's zone, the month in words."""
    there = moment(at).astimezone(zone())
    # Where no space stands between the parts of a date, a narrow column may break it after the year.
    text = escape(_short_day(there)).replace("年", Markup("年<wbr>")) if short else _long_day(there)
    return Markup('<time datetime="{}">{}</time>').format(there.date().isoformat(), text)


def time_left(due: int, now: int | None = None) -> str:
    """How long until `due` in words, rounded down so that the page never promises more time than there is."""
    left = due - (now if now is not None else current_app.extensions["odr"].clock())
    if left <= 0:
        return _("The time has run out")
    if left >= 2 * DAY:
        return ngettext("%(num)d day left", "%(num)d days left", left // DAY)
    if left >= 2 * HOUR:
        return ngettext("%(num)d hour left", "%(num)d hours left", left // HOUR)
    if left >= MINUTE:
        return ngettext("%(num)d minute left", "%(num)d minutes left", left // MINUTE)
    return _("Less than a minute left")


def _time(at: int, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(_machine(at), text)


def _machine(at: int) -> str:
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _long_day(when: datetime) -> str:
    return format_date(when.date(), "long", locale=manner())


def _short_day(when: datetime) -> str:
    return format_skeleton("yMMMd", when, locale=manner(), tzinfo=when.tzinfo)


def _hours(when: datetime) -> str:
    return format_time(when.timetz(), "HH:mm", locale=manner(), tzinfo=when.tzinfo)


def _place() -> str:
    """The city that names the reader's zone; an offset would be exact and mean nothing to most people."""
    return get_timezone_location(zone(), locale=manner(), return_city=True)


# Party text: shown as typed, and never able to turn the words around it.

# Controls that reorder or hide text. Inside an isolate they cannot reach our words, yet within a party's own text
# they can make an amount read as its reverse, so that they are shown as what they are.
_REORDERING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = (*range(0x00, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F)
_CONTROLS = {code: f"[U+{code:04X}]" for code in (*_REORDERING, *_UNSEEN)}


def bidi(text: str) -> Markup:
    """One line of party text in an isolate, so that right-to-left words leave the sentence around them alone."""
    return Markup('<bdi dir="auto">{}</bdi>').format(text.translate(_CONTROLS))


def paragraphs(text: str) -> Markup:
    """Several lines of party text: empty lines part paragraphs, single line breaks stay, each with its direction."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS).strip("\n")
    blocks = [block for block in lines.split("\n\n") if block.strip()]
    return Markup("\n").join(Markup('<p dir="auto">{}</p>').format(_lines(block.strip("\n"))) for block in blocks)


def _lines(block: str) -> Markup:
    return Markup("<br>").join(escape(line) for line in block.split("\n"))


# The frame of a page.


def name_the_version(endpoint: str, values: dict[str, Any]) -> None:
    """Give the address of a static file the time of its last change, so that browsers may keep it until then."""
    if endpoint == "static" and "filename" in values and current_app.static_folder:
        file = Path(current_app.static_folder) / values["filename"]
        if file.is_file():
            values["v"] = format(file.stat().st_mtime_ns // 1_000_000, "x")


def has_endpoint(name: str) -> bool:
    return name in current_app.view_functions


def link_to(name: str, **values: Any) -> str | None:
    """The address of a page, or None where this house does not have that page."""
    if not has_endpoint(name):
        return None
    try:
        return url_for(name, **values)
    except BuildError:
        return None


def here() -> str:
    """The path of this page, for a form that brings the reader back to it; the front page after a POST."""
    return request.full_path.rstrip("?") if request.method == "GET" else safe_path(request.referrer)


def log_stopped() -> bool:
    """Whether the house has stopped, as this process learnt a moment ago: pages ask no more often than that. On the
    page of a failure nobody is asked, since the failure may lie just there."""
    if "log_stopped" in g:
        return bool(g.log_stopped)
    house, now = current_house(), monotonic()
    asked_at, stopped = current_app.extensions.get("odr.stopped", (-ASKED_AGAIN, False))
    if now - asked_at >= ASKED_AGAIN:
        try:
            with house.engine.connect() as connection:
                stopped = must_rest(connection, house) is not None
        except (OperationalError, NoConnectionFree):
            # A page that needs no database is shown without one.
            pass
        current_app.extensions["odr.stopped"] = (now, stopped)
    return bool(stopped)


def safe_path(address: str | None) -> str:
    """The path of an address of this house; the front page for anything that could lead elsewhere."""
    try:
        parts = urlsplit((address or "").strip())
    except ValueError:
        # Not an address at all, such as "http://[".
        return "/"
    if parts.netloc and parts.netloc != request.host:
        return "/"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    # Browsers read "//host" and "/\host" as another host, and drop control signs before they do.
    if not path.startswith("/") or path[1:2] in {"/", "\\"} or any(ord(sign) < 33 for sign in path):
        return "/"
    return path


def form_errors(form: Any) -> list[tuple[str, str]]:
    """The errors of a WTForms form as pairs (id of the field, sentence), in the order of the fields."""
    if form is None:
        return []
    found = [("", str(sentence)) for sentence in form.form_errors]
    for field in form:
        found += [(_target(field), str(sentence)) for sentence in field.errors if isinstance(sentence, str)]
    return found


def _target(field: Any) -> str:
    if getattr(field.widget, "input_type", "") == "hidden":
        return ""
    # A link to a fieldset lands on its first choice, where the keyboard can act.
    return f"{field.id}-0" if field.type in {"RadioField", "SelectMultipleField"} else str(field.id)


ROOMS = (
    ("filing.start", lazy_gettext("Start a dispute")),
    ("disputes.mine", lazy_gettext("My disputes")),
    ("filing.desk", lazy_gettext("Desk")),
    ("mediation.desk", lazy_gettext("Mediator’s desk")),
    ("statistics.desk", lazy_gettext("Regulator’s desk")),
    ("administration.desk", lazy_gettext("Administrator’s desk")),
    ("people.account", lazy_gettext("My account")),
)
FOOTER = (
    ("web.procedure", lazy_gettext("How it works")),
    ("web.neutrality", lazy_gettext("How neutrality is ensured")),
    ("mediation.roster", lazy_gettext("The mediators")),
    ("statistics.overview", lazy_gettext("Published figures")),
    ("log.overview", lazy_gettext("The public log")),
    ("statistics.about", lazy_gettext("About this house")),
    ("web.rules", lazy_gettext("The rules")),
)


def rooms() -> list[dict[str, Any]]:
    """The places that the head of a page leads to: {href, words, here}."""
    return _places(ROOMS)


def footer_links() -> list[dict[str, Any]]:
    """The places that the foot of a page leads to: {href, words, here}."""
    return _places(FOOTER)


def _places(named: tuple[tuple[str, Any], ...]) -> list[dict[str, Any]]:
    return [
        {"href": url_for(name), "words": words, "here": request.endpoint == name}
        for name, words in named
        if has_endpoint(name) and _open_to_reader(name)
    ]


def _open_to_reader(endpoint: str) -> bool:
    """Whether the reader holds the permission of a page, so that nobody is led to a door that stays shut."""
    who = PERMISSIONS[permission_of(current_app, endpoint) or ""].who
    if SIGNED_IN in who:
        return bool(current_user.is_authenticated)
    return ANYONE in who or bool(who & frozenset(getattr(current_user, "roles", ())))
