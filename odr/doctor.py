"""The doctor: looks at a house as it stands and says in sentences what is unsafe, broken or waiting."""

from __future__ import annotations

import os
import shutil
import smtplib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from odr.administration.queries import admins, colleagues, waiting_wishes
from odr.config import readable_by_others, unsafe
from odr.database import one_moment, open_engine
from odr.house import MEGABYTE, Settings
from odr.kernel import moment, real_clock
from odr.log import tables as log
from odr.log.cosigning import MISSING, PolicyTrouble, Unanswered, answers, policy_of, watch_at
from odr.log.halt import SigningStopped, contradiction, halted
from odr.log.journal import origin_of
from odr.log.keys import KeysGone, KeyTrouble, has_keys, keys_at
from odr.log.note import key_id
from odr.log.policy import Witness
from odr.log.selfcheck import FULL, FULL_LATE, QUICK, QUICK_LATE, is_grave, is_late, last_checks, look
from odr.log.signers import NotAtHand, missing, signers_of
from odr.log.tables import any_text
from odr.log.tiles import tree_size
from odr.log.verify import Finding as Unsound
from odr.log.verify import Verified
from odr.mediation.queries import DAY, REMINDED_BEFORE, last_day, roster
from odr.migrations.service import is_current
from odr.notices.outbox import backlog
from odr.notices.reports import UNKNOWN
from odr.notices.tables import worker

TRANSLATIONS = Path(__file__).resolve().parent / "translations"
PATIENCE = 5
LITTLE_SPACE = 500 * MEGABYTE
# A worker shows itself every few seconds; after two minutes it is missed.
MISSED_AFTER = 120_000
LATE_NOTICE = 900_000
MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the house. `ok` tells whether it is as it should be; `grave` whether the house is unsafe."""

    ok: bool
    sentence: str
    grave: bool = True


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything the doctor sees, gravest rooms first. Changes nothing, makes nothing."""
    yield from _settings(settings)
    yield from _folders(settings)
    yield from _keys(settings)
    engine = open_engine(settings.database_url)
    try:
        yield from _database(engine, settings)
    finally:
        engine.dispose()
    yield from _mail(settings)
    yield from _reports(settings)
    yield from _languages(settings)


def _settings(settings: Settings) -> Iterator[Finding]:
    faults = unsafe(settings)
    if settings.production or not faults:
        yield Finding(True, "The settings are safe for a public house.")
        return
    yield Finding(True, "This is a private house (ODR_PRODUCTION is off).")
    for fault in faults:
        yield Finding(False, f"Before the public comes: {fault}", grave=False)


def _folders(settings: Settings) -> Iterator[Finding]:
    if not settings.instance.is_dir():
        yield Finding(False, f"There is no instance folder {settings.instance} yet; `odr serve` makes it.", grave=False)
        return
    rooms = ("files", "keys", "mail", "odr.sqlite")
    open_to_all = [name for name in rooms if readable_by_others(settings.instance / name)]
    yield Finding(not open_to_all, _either(not open_to_all, "The instance folder keeps its rooms to itself.",
        f"Other users of this machine may look into: {', '.join(open_to_all)}; run chmod go-rwx on them."))  # fmt: skip
    free = shutil.disk_usage(settings.instance).free
    yield Finding(free > LITTLE_SPACE, f"{free // MEGABYTE} MB are free for files and the database.")


def _keys(settings: Settings) -> Iterator[Finding]:
    if not has_keys(settings):
        yield Finding(False, "There are no keys yet; `odr serve` makes them on the first start.", grave=False)
        return
    try:
        keys_at(settings)
    except KeyTrouble as trouble:
        yield Finding(False, trouble.sentence)
        return
    yield Finding(True, "The keys are there and only this user may read them. Keep a copy of them elsewhere.")


def _database(engine: Engine, settings: Settings) -> Iterator[Finding]:
    kind = "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL"
    if kind == "SQLite" and engine.url.database and not Path(engine.url.database).exists():
        yield Finding(False, "There is no database yet; `odr serve` makes it.", grave=False)
        return
    try:
        current = is_current(engine)
        yield Finding(current, _either(current, f"The {kind} database has the tables of this release.",
            "The database has not the tables of this release: run `odr migrate`."))  # fmt: skip
        if current:
            with engine.connect() as connection:
                yield from _log(connection, settings)
                yield from _checks(connection)
                yield from _witnesses(connection, settings, origin_of(connection) or "")
                yield from _work(connection)
                yield from _staff(connection, settings)
                yield from _evidence(connection)
            yield from _look(engine, settings)
    except SQLAlchemyError as trouble:
        yield Finding(False, f"The {kind} database does not answer: {type(trouble).__name__}.")


def _log(connection: Connection, settings: Settings) -> Iterator[Finding]:
    origin = origin_of(connection)
    if origin is None:
        yield Finding(False, "The log is not founded yet; `odr serve` founds it.", grave=False)
        return
    entries = connection.scalar(select(func.count()).select_from(log.entry)) or 0
    waiting = connection.scalar(select(func.count()).select_from(log.queue)) or 0
    latest = connection.scalar(select(func.max(log.entry.c.at))) or 0
    yield Finding(True, f"The log {origin} holds {entries} entries; {waiting} wait for their place in the tree.")
    why = _stopped(connection, settings, origin)
    yield Finding(not why, _either(not why, "The tree only grew from what was signed, in the database and beside it.",
        str(SigningStopped(why)) if why else ""))  # fmt: skip
    yield from _signing(connection, settings, origin)
    ahead = latest > real_clock() + MISSED_AFTER
    yield Finding(not ahead, _either(not ahead, "No entry lies in the future.",
        "The latest entry lies in the future: the clock of this machine is behind, or the entries were simulated."),
        grave=False)  # fmt: skip


def _signing(connection: Connection, settings: Settings, origin: str) -> Iterator[Finding]:
    """Whether the keys that sign are at hand, and no others."""
    if not has_keys(settings):
        yield Finding(False, KeysGone(settings.master_key_file.parent).sentence)
        return
    try:
        keys = keys_at(settings)
    except KeyTrouble:
        return
    signers = signers_of(connection, origin)
    size = tree_size(connection)
    lost = [term.key_id.hex() for term in missing(signers, size, keys)]
    nobody = size > 0 and not signers.at(size)
    yield Finding(not lost and not nobody, _either(not lost and not nobody, "Every key that signs the log is at hand.",
        str(NotAtHand(lost[0] if lost else None))))  # fmt: skip
    serving = {term.public_key for term in signers.terms if not term.retired}
    idle = [key_id(origin, key.public_key).hex() for key in keys.signing if key.public_key not in serving]
    yield Finding(not idle, _either(not idle, "No other key lies beside them.",
        f"Keys that do not sign lie beside those that do: {', '.join(idle)}. Put the retired ones away; a new one "
        "comes in by odr key add."), grave=False)  # fmt: skip


def _checks(connection: Connection) -> Iterator[Finding]:
    """What the house last said of itself."""
    checks, now = last_checks(connection), real_clock()
    for kind, what, late in (
        (QUICK, "The hourly look at the newest entries", QUICK_LATE),
        (FULL, "The nightly check of the house", FULL_LATE),
    ):
        last = checks.get(kind)
        if last is None:
            yield Finding(False, f"{what} was never made; the worker does that.", grave=False)
            continue
        made = f"{what} was last made on {moment(last.at):%Y-%m-%d at %H:%M} UTC, over {last.size} entries"
        if not last.sound:
            found = f"and counted {last.findings} findings, {last.code} above all: odr verify"
            yield Finding(False, f"{made}, {found}", grave=last.grave)
        elif is_late(last, now, late):
            yield Finding(False, f"{made}, and found nothing; the next one is overdue.", grave=False)
        else:
            yield Finding(True, f"{made}, and found nothing.")


def _look(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """A look of our own at the newest entries, in a moment of its own: what lies outside is read first."""
    try:
        keys = keys_at(settings)
    except KeyTrouble:
        return
    with engine.connect() as connection:
        origin = origin_of(connection)
    if origin is None:
        return
    with one_moment(engine) as connection, any_text(connection):
        _halt, size, findings = look(connection, settings, origin, keys, real_clock())
    yield from _told(findings, f"The newest entries, the tree and the last checkpoint are sound, up to entry {size}.")


def examine_fully(verified: Verified) -> Iterator[Finding]:
    """What verifying the whole house found, as the doctor says it."""
    findings = [finding for finding in verified.findings if finding.code != "signing_stopped"]
    yield from _told(findings, f"The whole house is sound, over {verified.entries} entries.")


def _told(findings: Sequence[Unsound], good: str) -> Iterator[Finding]:
    for finding in findings[:MOST_FINDINGS]:
        yield Finding(False, f"{finding}.", grave=is_grave(finding))
    if len(findings) > MOST_FINDINGS:
        yield Finding(False, f"{len(findings) - MOST_FINDINGS} more findings: odr verify", grave=False)
    if not findings:
        yield Finding(True, good)


def _witnesses(connection: Connection, settings: Settings, origin: str) -> Iterator[Finding]:
    if settings.policy is None:
        yield Finding(not settings.production, "No witness watches this log, since ODR_POLICY names no policy; the "
            "public page of the log says so.", grave=False)  # fmt: skip
        return
    try:
        policy = policy_of(settings)
    except PolicyTrouble as trouble:
        yield Finding(False, str(trouble))
        return
    own = any(log_key.origin == origin for log_key in policy.logs)
    yield Finding(own, _either(own, f"The policy can be followed; witnesses that it names: {len(policy.witnesses)}.",
        "The policy names no key of this log; nobody who takes it over could believe a checkpoint."),
        grave=False)  # fmt: skip
    for witness in policy.witnesses:
        yield _witness(witness, settings)
    watch = watch_at(connection, settings, real_clock())
    missing = watch.standing == MISSING
    yield Finding(not missing, _either(not missing, "The witnesses that have to sign are not missing.",
        f"The quorum of witnesses is missing since {moment(watch.since):%Y-%m-%d %H:%M} UTC; the house goes on, and "
        "the public page of the log says so."), grave=False)  # fmt: skip


def _witness(witness: Witness, settings: Settings) -> Finding:
    if not witness.url:
        return Finding(False, f"The policy says no address of {witness.key_name}; it is not asked.", grave=False)
    try:
        there = answers(witness.url, settings)
    except Unanswered:
        return Finding(False, f"The address of {witness.key_name} is not asked: it must be https, or on this machine.",
            grave=False)  # fmt: skip
    said = _either(there, "answers", "does not answer")
    return Finding(there, f"The witness {witness.key_name} {said}.", grave=False)


def _stopped(connection: Connection, settings: Settings, origin: str) -> str | None:
    """Why the house must not sign, with a look of our own where the keys are at hand."""
    why = halted(connection, settings, origin)
    if why:
        return why
    try:
        keys = keys_at(settings)
    except KeyTrouble:
        return None
    against = contradiction(connection, settings, origin, keys)
    return against.code if against else None


def _work(connection: Connection) -> Iterator[Finding]:
    now = real_clock()
    seen = connection.scalar(select(func.max(worker.c.seen_at)))
    alive = seen is not None and seen > now - MISSED_AFTER
    yield Finding(alive, _either(alive, "The worker is at work.",
        "No worker is at work: deadlines do not fire and no mail leaves until `odr serve` or `odr worker` runs."),
        grave=False)  # fmt: skip
    letters = backlog(connection, now)
    late = letters.oldest_due is not None and letters.oldest_due < now - LATE_NOTICE
    yield Finding(not late and not letters.given_up, f"{letters.waiting} notices wait to be sent, {letters.given_up} "
        f"were given up, {letters.returned} came back; {letters.unrecorded} fates are not in their disputes yet.",
        grave=False)  # fmt: skip


def _evidence(connection: Connection) -> Iterator[Finding]:
    """Who on the roster cannot be drawn for want of evidence, or soon will not be any more."""
    now = real_clock()
    for one in roster(connection, now):
        lacks, ends = ", ".join(one.lacks(now)), one.needed_until(now)
        if lacks and one.excused_until and one.is_excused(now):
            until = last_day(one.excused_until)
            yield Finding(
                False, f"{one.email} has to show {lacks} by {until}: odr mediator credential add.", grave=False
            )
        elif lacks:
            yield Finding(False, f"{one.email} is not drawn, having shown no {lacks} that holds.", grave=False)
        elif ends <= now + max(REMINDED_BEFORE) * DAY:
            yield Finding(
                False, f"Evidence of {one.email} ends on {last_day(ends)}; nobody draws them after.", grave=False
            )


def _staff(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Whether those who work here can be told from a thief of their passwords, and whether two can agree on a reset."""
    now = real_clock()
    able = sum(each.has_factor for each in admins(connection))
    yield Finding(able >= 2, _either(able >= 2, f"Administrators who can agree on a reset: {able}.",
        "Fewer than two administrators have a second step of signing in: lost ones are reset by the operator alone, "
        "at the machine (odr staff admit admin …)."), grave=False)  # fmt: skip
    staff = colleagues(connection, now)
    without = sum(not each.has_factor for each in staff)
    yield Finding(not without or not settings.staff_prove, "People with a desk who have no second step of signing in "
        f"yet: {without} of {len(staff)} (odr staff list).", grave=False)  # fmt: skip
    waiting = len(waiting_wishes(connection, now))
    yield Finding(not waiting, _either(not waiting, "No reset waits for a second administrator.",
        f"Resets that wait for a second administrator: {waiting} (odr staff list)."), grave=False)  # fmt: skip


def _mail(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.mail_url)
    if address.scheme == "folder":
        yield Finding(True, "Mail is written to a folder and reaches nobody; right for trying out.")
        return
    secure = address.scheme == "smtps"
    try:
        connect = smtplib.SMTP_SSL if secure else smtplib.SMTP
        with closing(connect(address.hostname or "", address.port or 0, timeout=PATIENCE)) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as trouble:
        yield Finding(False, f"The mail server does not answer: {type(trouble).__name__}.")
        return
    yield Finding(True, "The mail server answers.")


def _reports(settings: Settings) -> Iterator[Finding]:
    folder = settings.mail_reports
    if folder is None:
        away = settings.mail_url.startswith("folder:")
        yield Finding(away, _either(away, "No delivery reports are read, since no mail leaves.",
            "Mail that comes back later goes unseen, and time runs against who was not reached: let the mail server "
            f"drop what comes for {settings.mail_from} into a maildir and name it in ODR_MAIL_REPORTS."),
            grave=False)  # fmt: skip
        return
    there = (folder / "new").is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    yield Finding(there, _either(there, "Delivery reports are read from their maildir.",
        f"{folder} is no maildir that the worker may read and move messages in."))  # fmt: skip
    unknown = sum(1 for _ in (folder / UNKNOWN).iterdir()) if (folder / UNKNOWN).is_dir() else 0
    yield Finding(not unknown, _either(not unknown, "No message among them waits for a person.",
        f"{unknown} messages in {folder / UNKNOWN} are no delivery reports on a notice; a person should look at them."),
        grave=False)  # fmt: skip


def _languages(settings: Settings) -> Iterator[Finding]:
    for language in settings.languages:
        source = TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"
        compiled = source.with_suffix(".mo")
        if source.exists() and not (compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime):
            yield Finding(False, f"The sentences in {language} are not compiled: run `make setup`.", grave=False)
            return
    yield Finding(True, f"The pages speak {', '.join(settings.languages)}.")


def _either(condition: object, good: str, bad: str) -> str:
    return good if condition else bad
