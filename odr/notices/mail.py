"""Mail: a letter of the outbox becomes a message in its reader's language and leaves the house."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from unicodedata import category
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import idna
from babel import Locale
from babel.dates import format_date, get_timezone_location
from babel.lists import format_list
from babel.numbers import format_decimal
from flask_babel import force_locale
from flask_babel import gettext as _
from jinja2 import Environment, StrictUndefined
from sqlalchemy import Connection, select

from odr.database import writing
from odr.house import House, Settings
from odr.kernel import Money, is_zone, moment
from odr.log.receipt import file_name
from odr.notices.outbox import NOBODY, Letter, email_of, entry_of
from odr.notices.rules import Notice
from odr.people.links import DAY, issue_link
from odr.people.tables import account, mediator
from odr.web import sentences

SERVER_PATIENCE = 20
"""Seconds that a mail server may take over each of its dozen answers: all of them end well within a lease."""
CLOSING = 421
"""The answer of a server that closes the line (RFC 5321, 3.8)."""

# An international reader of English is best served by "27 March 2026", which cannot be misread.
_MANNERS = {"en": "en_150"}

# The longest road from filing to decision is some 80 days (procedure 3.2); the link of a seller without an account
# must not end before the dispute does.
INVITATION_LASTS = 90 * DAY


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a letter goes when it is sent. `account_id` is None for those who come by the link alone.

    There is no name: the other side may have chosen it, and a mail of the house repeats no party's words (threat 36).
    """

    email: str
    language: str
    zone: str
    account_id: str | None = None


Resolve = Callable[[Connection, Letter], Recipient | None]


class PutOff(Exception):
    """The letter did not leave now and is tried again; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TurnedAway(PutOff):
    """The letter can never reach this recipient; `code` says why."""


class Post(Protocol):
    """A way out of the house. `deliver` raises PutOff or TurnedAway."""

    def deliver(self, letter: Letter, message: EmailMessage) -> None: ...

    def close(self) -> None: ...


def recipient_of(
    house: House, connection: Connection, letter: Letter, account_id: str | None = None
) -> Recipient | None:
    """The recipient of a letter to a bare address, or to an account: the letter's own, or the one given for a side
    of a dispute. None when the account is closed or unknown."""
    email = email_of(letter, house.keys)
    if email is not None:
        return Recipient(email, letter.params.get("language", "en"), letter.params.get("zone", "UTC"))
    row = connection.execute(
        select(account.c.id, account.c.email, account.c.language, account.c.zone).where(
            account.c.id == (account_id or letter.account_id), account.c.email.is_not(None)
        )
    ).one_or_none()
    return Recipient(row.email, row.language, row.zone, row.id) if row else None


def mediator_account(connection: Connection, mediator_id: str) -> str | None:
    """The account of the mediator whom entries call so."""
    found: str | None = connection.scalar(select(mediator.c.account_id).where(mediator.c.id == mediator_id))
    return found


def by_post(notice: Notice, dispute_id: str, at: int) -> Letter:
    """A letter that no worker has in hand, since it is printed and leaves by post."""
    return Letter(
        id=0,
        key=f"dispute/{dispute_id}/post",
        mark=None,
        template=notice.template,
        account_id=None,
        email_sealed=None,
        dispute_id=dispute_id,
        side=notice.side,
        params=notice.params,
        created_at=at,
        due_at=at,
        attempts=0,
        leased_until=at,
        lease_owner="",
    )


# -- to the operator -----------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"[^\s<>(),;:\"]+@[^\s<>(),;:\"]+[^\s<>(),;:.\"]")


def operator_address(settings: Settings) -> str | None:
    """The mail address in what the operator says of how to be reached, None where there is none."""
    found = _ADDRESS.search(settings.operator_contact)
    return found[0] if found else None


def to_operator(settings: Settings, address: str, name: str, sentence: str, at: int) -> tuple[Letter, EmailMessage]:
    """A letter from the house to whoever runs it, in English as all that is said to operators. No person is named in
    it. Raises TurnedAway("address_malformed")."""
    letter = Letter(
        id=0,
        key=f"operator/{name}/{at}",
        mark=None,
        template="operator",
        account_id=None,
        email_sealed=None,
        dispute_id=None,
        side=None,
        params={},
        created_at=at,
        due_at=at,
        attempts=0,
        leased_until=at,
        lease_owner="",
    )
    message = EmailMessage(SMTP)
    message["From"] = Address(_one_line(settings.operator_name), addr_spec=settings.mail_from)
    message["To"] = _address(address)
    message["Subject"] = f"{_one_line(urlsplit(settings.public_url).netloc)}: {name}"
    message["Date"] = moment(at)
    message["Message-ID"] = f"<{mark(letter)}@{domain_of(settings)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{sentence}\n\n{settings.public_url}/log\n")
    return letter, message


# -- the link: one in each mail, made when the mail is made --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Door:
    """Where the one link of a mail leads: a path, and behind it a token for `purpose` where there is one."""

    path: str
    purpose: str | None = None


DOORS = {
    "verify_email": Door("/account/verification/", "verify"),
    "email_known": Door("/session/new"),
    "reset_password": Door("/password/reset/", "reset"),
    "sign_in_link": Door("/session/link/", "signin"),
    "password_changed": Door("/password/forgotten"),
    "factor_changed": Door("/password/forgotten"),
    "factor_reset": Door("/account/factors"),
    "account_changed": Door("/session/new"),
    "administration": Door("/administration"),
    "party_suspended": Door("/desk"),
    "identity_changed": Door("/identity"),
    "profile_named": Door("/profile"),
    "invitation": Door("/invitation/", "invite"),
    # Paper lies open to whoever opens the envelope: it names the page that mails a link, and holds none.
    "by_post": Door("/invitation"),
    "credential_lapses": Door("/desk/mediator"),
    # Whoever left a dispute can open it no more.
    "mediator_released": Door("/"),
    "mandate": Door("/mandate/", "mandate"),
    "mandate_ended": Door("/disputes"),
}
_DISPUTE = Door("/disputes/")


def make_link(connection: Connection, settings: Settings, letter: Letter, recipient: Recipient, at: int) -> str:
    """The absolute address of the letter's one link, from the settings alone, never from a request (threat 36)."""
    base = settings.public_url.rstrip("/")
    door = DOORS.get(letter.template, _DISPUTE)
    if letter.side == "seller" and recipient.account_id is None and letter.template != "by_post":
        door = DOORS["invitation"]
    if door.purpose is None:
        return f"{base}{door.path}{letter.params['number']}" if door is _DISPUTE else base + door.path
    token = issue_link(
        connection,
        purpose=door.purpose,
        account_id=recipient.account_id,
        email=recipient.email,
        # Who is asked to act for a side is no side, and is written to by a bare address.
        dispute_id=letter.dispute_id or letter.params.get("dispute"),
        actor_id=letter.params.get("representative"),
        at=at,
        lasts_ms=INVITATION_LASTS if door.purpose == "invite" else None,
    )
    return f"{base}{door.path}{token}"


# -- the message ---------------------------------------------------------------------------------------------------


class Press:
    """Turns letters into messages. Every template is written once and printed twice, as plain text and as HTML."""

    def __init__(self, environment: Environment, settings: Settings) -> None:
        # A mail with a hole in it must not leave: what a letter does not say is an error, not an empty word.
        self._text = environment.overlay(autoescape=False, undefined=StrictUndefined)
        self._html = environment.overlay(autoescape=True, undefined=StrictUndefined)
        self._settings = settings

    def render(
        self, letter: Letter, recipient: Recipient, link: str, at: int, receipt: bytes | None = None
    ) -> EmailMessage:
        """The message as it leaves at instant `at`, with the receipt of what it tells of where there is one. Needs an
        application context, for the translations.

        Raises TurnedAway("address_malformed").
        """
        language = self._language(recipient)
        with force_locale(language):
            context = self._context(letter, recipient, link) | ({"receipt": "attached"} if receipt else {})
            subject = self._print(self._text, letter, "subject.txt", context)
            text = self._print(self._text, letter, "layout.txt", context)
            html = self._print(self._html, letter, "layout.html", context | {"subject": subject})
        message = EmailMessage(SMTP)
        message["From"] = Address(_one_line(self._settings.operator_name), addr_spec=self._settings.mail_from)
        message["To"] = _address(recipient.email)
        message["Subject"] = _one_line(subject)
        message["Date"] = moment(at)
        message["Message-ID"] = f"<{mark(letter)}@{domain_of(self._settings)}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text + "\n")
        message.add_alternative(html, subtype="html")
        if receipt:
            name = file_name(letter.params["number"], entry_of(letter) or 0)
            # Not as text: on its way a line feed of a text may become two signs, and the proof would fail.
            message.add_attachment(receipt, maintype="application", subtype="octet-stream", filename=name)
        message["Content-Language"] = language.replace("_", "-")
        return message

    def words(self, letter: Letter, recipient: Recipient, link: str) -> tuple[str, str]:
        """The subject and the plain text alone, for paper."""
        with force_locale(self._language(recipient)):
            context = self._context(letter, recipient, link)
            subject = self._print(self._text, letter, "subject.txt", context)
            return subject, self._print(self._text, letter, "layout.txt", context)

    def tag(self, recipient: Recipient) -> str:
        """The language in which this recipient is written to, as pages name it."""
        return self._language(recipient).replace("_", "-")

    def _language(self, recipient: Recipient) -> str:
        language = recipient.language.replace("-", "_")
        return language if language in self._settings.languages else self._settings.languages[0]

    def _context(self, letter: Letter, recipient: Recipient, link: str) -> dict[str, Any]:
        language = self._language(recipient)
        reader = _Reader(language, recipient.zone)
        acting = letter.params.get("acting", {})
        return {
            **letter.params,
            **reader.words,
            **_SAYINGS,
            # Whoever acts for a side reads what the side reads.
            "side": letter.side or acting.get("side"),
            "acts_for": acting.get("side", ""),
            "link": link,
            "made_at": letter.created_at,
            "receipt": "in the docket" if entry_of(letter) else "",
            "operator": self._settings.operator_name,
            "answers_to": self._settings.mail_from,
            "site": urlsplit(self._settings.public_url).netloc,
            "language": language.replace("_", "-"),
            "direction": reader.locale.text_direction,
        }

    @staticmethod
    def _print(environment: Environment, letter: Letter, layout: str, context: Mapping[str, Any]) -> str:
        kind = layout.rpartition(".")[2]
        page = environment.get_template(f"mail/{letter.template}.txt").render(
            context, layout=f"mail/{layout}", parts=f"mail/parts.{kind}"
        )
        lines = [line.rstrip() for line in page.strip().splitlines()]
        # Blocks that a mail does not use leave empty lines behind; one is enough.
        return "\n".join(line for line, above in zip(lines, ["", *lines], strict=False) if line or above)


def domain_of(settings: Settings) -> str:
    """The domain that stands in every Message-ID of this house."""
    return settings.mail_from.rpartition("@")[2]


def mark(letter: Letter) -> str:
    """What makes a message recognisable however often it is sent: 32 hex digits kept with its row."""
    # A row that the release before wrote has none, and is known by its key.
    return letter.mark or hashlib.sha256(f"odr/message/v1\n{letter.key}".encode()).hexdigest()[:32]


def _address(email: str) -> Address:
    try:
        parsed = Address(addr_spec=_one_line(email))
        # Not Python's own codec: it knows the names of 2003 only, in which "straße" is "strasse", somebody else's.
        domain = parsed.domain if parsed.domain.isascii() else idna.encode(parsed.domain).decode()
        return Address(username=parsed.username, domain=domain)
    except (ValueError, IndexError, MessageError) as malformed:
        raise TurnedAway("address_malformed") from malformed


def _one_line(text: str) -> str:
    """The text, refused when it holds any sign that could end a header or hide a part of it."""
    if any(category(sign) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for sign in text):
        raise ValueError("a header holds no control signs")
    return text


def _named(names: Mapping[str, Any], codes: list[str]) -> tuple[str, ...]:
    return tuple(str(names[code]) for code in codes)


# The words of the pages are the words of the mails.
_SAYINGS: dict[str, Any] = {
    "phases": sentences.PHASES,
    "grounds": sentences.GROUNDS,
    "closings": sentences.CLOSINGS,
    "categories": sentences.CATEGORIES,
    "remedy_names": sentences.REMEDIES,
    "topic_names": sentences.TOPICS,
    "expected": sentences.EXPECTED,
    "on_expiry": sentences.ON_EXPIRY,
    "waiting": sentences.WAITING,
    "sentence": sentences.sentence,
    "named": _named,
    "outcomes": sentences.OUTCOMES,
    "releases": sentences.RELEASES,
    "credentials": sentences.CREDENTIALS,
    "suspensions": sentences.SUSPENSION_GROUNDS,
    "openings": sentences.OPENING_GROUNDS,
    "scopes": sentences.SCOPES,
}


class _Reader:
    """How amounts and instants read in one language and zone."""

    def __init__(self, language: str, zone: str) -> None:
        self.locale = Locale.parse(_MANNERS.get(language, language))
        self.zone = ZoneInfo(zone if is_zone(zone) else "UTC")

    @cached_property
    def words(self) -> dict[str, Callable[[Any], str]]:
        return {
            "money": self.money,
            "instant": self.instant,
            "last_day": self.last_day,
            "day": self.day,
            "country": self.country,
        }

    def money(self, amounts: list[dict[str, Any]]) -> str:
        """ "1,149.00 EUR", several currencies as a list; never added, never converted."""
        return str(format_list([self._amount(Money(**amount)) for amount in amounts], locale=self.locale))

    def _amount(self, money: Money) -> str:
        pattern = "#,##0" + ("." + "0" * money.decimals if money.decimals else "")
        number = format_decimal(Decimal(str(money)), format=pattern, locale=self.locale)
        return f"{number}\N{NO-BREAK SPACE}{money.currency}"

    def instant(self, at: int) -> str:
        """The instant in the reader's zone and, always, in UTC."""
        there, utc = moment(at).astimezone(self.zone), moment(at)
        if there.utcoffset() == timedelta(0):
            return str(_("%(day)s, %(time)s UTC", day=self._day(utc), time=f"{utc:%H:%M}"))
        names = {"day": self._day(there), "time": f"{there:%H:%M}", "place": self._place(), "utc": f"{utc:%H:%M}"}
        if there.date() == utc.date():
            return str(_("%(day)s, %(time)s %(place)s time (%(utc)s UTC)", **names))
        return str(_("%(day)s, %(time)s %(place)s time (%(utc_day)s, %(utc)s UTC)", **names, utc_day=self._day(utc)))

    def last_day(self, due: int) -> str:
        """The last whole day before `due` that is over nowhere on Earth earlier: what a deadline's day means."""
        return self._day(datetime.fromtimestamp((due - 1) / 1000, timezone(timedelta(hours=-12))))

    def day(self, iso: str) -> str:
        return self._day(date.fromisoformat(iso))

    def country(self, code: str) -> str:
        return str(self.locale.territories.get(code, code))

    def _day(self, day: date) -> str:
        return str(format_date(day, "long", locale=self.locale))

    def _place(self) -> str:
        return str(get_timezone_location(self.zone, locale=self.locale, return_city=True))


# -- the ways out --------------------------------------------------------------------------------------------------


def open_post(url: str) -> Post:
    """The way out that a setting names: folder:///path, smtp://user:password@host:587 or smtps://host.

    `smtp` insists on STARTTLS; `?starttls=never` is for a relay on the same machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "folder":
        return FolderPost(Path(unquote(parts.path)))
    if parts.scheme in {"smtp", "smtps"} and parts.hostname:
        return SmtpPost(
            parts.hostname,
            parts.port or (465 if parts.scheme == "smtps" else 587),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls_from_start=parts.scheme == "smtps",
            starttls=parse_qs(parts.query).get("starttls") != ["never"],
        )
    raise ValueError("mail leaves by folder://, smtp:// or smtps://")


class FolderPost:
    """A folder of messages, for a house without a mail server: each appears whole or not at all, and once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, letter: Letter, message: EmailMessage) -> None:
        name = f"{letter.id:010d}-{mark(letter)}.eml"
        try:
            # The folder by itself first: a parent that is made on the way gets the mode of the machine, not ours.
            for part in (self._folder, self._folder / "tmp", self._folder / "new"):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._folder / "tmp" / name, bytes(message))
            # A message that is there already was delivered before a crash: its reader may have followed its link.
            if (self._folder / "new" / name).exists():
                (self._folder / "tmp" / name).unlink()
            else:
                (self._folder / "tmp" / name).rename(self._folder / "new" / name)
        except OSError as trouble:
            raise PutOff(f"folder_{errno.errorcode.get(trouble.errno or 0, 'trouble')}") from trouble

    @staticmethod
    def _write(path: Path, message: bytes) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing stays open between two messages."""


class SmtpPost:
    """A mail server (RFC 5321); one connection serves the letters of a round."""

    def __init__(self, host: str, port: int, *, user: str, password: str, tls_from_start: bool, starttls: bool) -> None:
        self._host, self._port = host, port
        self._user, self._password = user, password
        self._tls_from_start, self._starttls = tls_from_start, starttls
        self._server: smtplib.SMTP | None = None

    def deliver(self, letter: Letter, message: EmailMessage) -> None:
        server = self._connected()
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refusal:
            (code, _said), *_others = refusal.recipients.values()
            raise self._refused(code) from refusal
        except smtplib.SMTPSenderRefused as refusal:
            # Our own address or our rights are at fault, never the recipient's.
            self._refused(refusal.smtp_code)
            raise PutOff(f"smtp_{refusal.smtp_code}") from refusal
        except smtplib.SMTPDataError as refusal:
            raise self._refused(refusal.smtp_code) from refusal
        except smtplib.SMTPNotSupportedError as refusal:
            raise TurnedAway("smtputf8_missing") from refusal
        except (smtplib.SMTPException, OSError) as lost:
            # Whether the server took the message nobody knows: it goes again, and its Message-ID tells.
            self._server = None
            raise PutOff(_trouble(lost)) from lost

    def _refused(self, code: int) -> PutOff:
        if code == CLOSING:
            self._server = None
        return _answer(code)

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            try:
                self._server = self._connect()
            except (smtplib.SMTPException, OSError) as trouble:
                raise PutOff(_trouble(trouble)) from trouble
        return self._server

    def _connect(self) -> smtplib.SMTP:
        # Only where it is needed: reading the machine's roots takes longer than handing over a letter.
        tls = ssl.create_default_context() if self._tls_from_start or self._starttls else None
        if self._tls_from_start:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=SERVER_PATIENCE, context=tls)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SERVER_PATIENCE)
        try:
            if self._starttls and not self._tls_from_start:
                server.starttls(context=tls)
            if self._user:
                server.login(self._user, self._password)
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (smtplib.SMTPException, OSError):
                server.close()


def _answer(code: int) -> PutOff:
    """What a server's answer means for the letter: 5xx is for good, everything else for now (RFC 5321, 4.2.1)."""
    return TurnedAway(f"smtp_{code}") if 500 <= code < 600 else PutOff(f"smtp_{code}")


def _trouble(trouble: Exception) -> str:
    """A code for what went wrong between us and the server; server texts may name addresses and are not kept."""
    if isinstance(trouble, smtplib.SMTPNotSupportedError):
        return "starttls_missing"
    if isinstance(trouble, smtplib.SMTPResponseException):
        return f"smtp_{trouble.smtp_code}"
    if isinstance(trouble, TimeoutError):
        return "timeout"
    if isinstance(trouble, ssl.SSLError):
        return "tls_refused"
    if isinstance(trouble, ConnectionRefusedError):
        return "connection_refused"
    return "connection_lost"


# -- one letter ----------------------------------------------------------------------------------------------------


def send(
    house: House, press: Press, post: Post, resolve: Resolve, letter: Letter, receipt: bytes | None = None
) -> None:
    """Find the recipient, make the link and the message, and hand it over. Raises PutOff or TurnedAway."""
    at = house.clock()
    with writing(house.engine) as connection:
        recipient = resolve(connection, letter)
        if recipient is None:
            raise TurnedAway(NOBODY)
        link = make_link(connection, house.settings, letter, recipient, at)
    post.deliver(letter, press.render(letter, recipient, link, at, receipt))
