"""The worker: fires deadlines, draws, seals the log, sends mail, learns what became of it, checks the house, erases,
sweeps; each part in a thread of its own."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType

from flask import Flask
from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import SQLAlchemyError

from odr.database import write_unit
from odr.decision.drafts import forget_drafts
from odr.disputes.queries import contact_of, stand, to_be_drawn
from odr.disputes.rebuild import counted_as_of
from odr.disputes.records import stream_of
from odr.disputes.service import Rule, due_disputes, fire_one, perform
from odr.erasure.service import work_off
from odr.filing.drafts import DRAFT_LASTS, sweep_drafts
from odr.house import House
from odr.identity.service import look_again
from odr.kernel import SYSTEM, Refused, new_pseudonym, real_clock
from odr.log.chain import check
from odr.log.cosigning import Asking, PolicyTrouble
from odr.log.halt import SigningStopped, must_rest
from odr.log.integrator import integrate, publish
from odr.log.journal import Stored
from odr.log.publication import receipt_of
from odr.log.receipt import read
from odr.log.selfcheck import Outcome, check_fully, check_quickly, full_is_due, last_checks
from odr.log.signers import NotAtHand
from odr.log.tiles import Torn
from odr.mediation.service import advance_draw, remind_of_credentials
from odr.notices.mail import (
    Post,
    Press,
    PutOff,
    Recipient,
    TurnedAway,
    domain_of,
    mediator_account,
    open_post,
    operator_address,
    recipient_of,
    send,
    to_operator,
)
from odr.notices.outbox import (
    RETURNED,
    SENT,
    Letter,
    Unrecorded,
    claim,
    entry_of,
    hand_back,
    hold,
    mark_failed,
    mark_overtaken,
    mark_recorded,
    mark_refused,
    mark_returned,
    mark_sent,
    unrecorded,
)
from odr.notices.reports import (
    DONE,
    FAILED,
    UNKNOWN,
    forget_reports,
    open_report,
    put_away,
    read_report,
    waiting_reports,
)
from odr.notices.rules import MEDIATOR, as_it_stands, overtaken
from odr.notices.tables import worker
from odr.people.service import sweep as sweep_people
from odr.procedure.access import mandate_is_open, mandate_stands, may_have_receipt
from odr.procedure.rules import record_notice, return_notice
from odr.representation.service import forget_addresses
from odr.statistics.service import CUT_AT, cut_daily
from odr.verify import verify_house

MINUTE = 60.0
HOUR = 3600.0

# A round that found work is followed by the next at once; an idle worker looks again after at most a second.
QUICK, IDLE = 0.25, 1.0
# A part that fails rests longer each time, so that a database that is away does not fill the operator's log.
LONGEST_REST = 60.0
PULSE = 10.0
# Systems give a service some ten seconds between the request to stop and the end.
PATIENCE = 8.0

LETTERS_AT_ONCE = 20
FACTS_AT_ONCE = 200
REPORTS_AT_ONCE = 50
REPORTS_EVERY = 5.0
ERASURES_EVERY = 5.0
ALARMS_EVERY = 10.0
IDENTITIES_EVERY = 60.0

# A dispute for which nobody on the roster fits is looked at again after this long; more often helps nobody.
NOBODY_FITS = 60_000
# All that wait are looked at in one round, or those who wait in vain would keep the others from their turn.
MOST_DRAWS = 100_000

DAY_MS = 86_400_000
STAGED_LASTS = DAY_MS
WORKER_MISSED = DAY_MS
REPORT_KEPT = 30 * DAY_MS

journal = logging.getLogger("odr.worker")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the work: `work` answers how much it did; it pauses `busy` seconds after work and up to `idle`
    seconds when there was none."""

    name: str
    work: Callable[[], int]
    busy: float = QUICK
    idle: float = IDLE


def run(app: Flask, *, once: bool = False, watched: bool = False) -> bool:
    """Work until SIGTERM or SIGINT; with `once`, do all that is due now. Answers whether all parts were well.

    `watched`: the standard input is held open by whoever started this process, and its end means stop.
    """
    house: House = app.extensions["odr"]
    post = open_post(house.settings.mail_url)
    owner = new_pseudonym()
    stop = threading.Event()
    failing: set[str] = set()
    left: dict[str, int] = {}
    considered: set[int] = set()
    looked: dict[str, int] = {}
    told: set[str] = set()
    asking = Asking(house, tell_unsigned)
    greet = Part("witnesses", partial(unless_stopped, house, partial(ask_witnesses, asking, everybody=True)))
    held = (
        Part("deadlines", lambda: fire_deadlines(house)),
        Part("draw", lambda: draw_mediators(house, left)),
        Part("mail", lambda: send_mail(app, house, post, owner, stop)),
        Part("reports", lambda: read_reports(house), idle=REPORTS_EVERY),
        Part("service", lambda: record_service(house)),
        Part("witnesses", lambda: ask_witnesses(asking), busy=IDLE),
        Part("figures", lambda: cut_figures(house, considered), idle=MINUTE),
        Part("erasure", lambda: work_off(house, looked), idle=ERASURES_EVERY),
        Part("credentials", lambda: remind_of_credentials(house), busy=HOUR, idle=HOUR),
        Part("identity", lambda: look_again(house), busy=IDENTITIES_EVERY, idle=IDENTITIES_EVERY),
        Part("sweep", lambda: sweep(house), busy=HOUR, idle=HOUR),
    )
    parts = (
        # At most one checkpoint a second, however many acts there are, but for those that mail asks for.
        Part("log", lambda: seal_log(house), busy=IDLE),
        *(replace(part, work=partial(unless_stopped, house, part.work)) for part in held),
        Part("nightly check", lambda: check_house(house), idle=MINUTE),
        Part("alarm", lambda: alarm_operator(house, told), idle=ALARMS_EVERY),
    )
    # Also in a house that has stopped: whoever mends it wants to know.
    look = Part("check", lambda: check_log(house), busy=HOUR, idle=HOUR)
    if once:
        _attempt(greet, failing)
        _attempt(look, failing)
        # What one part did is work for another: who was fixed in a pool is drawn once the log is sealed over it.
        while any([_attempt(part, failing) for part in parts]):
            pass
        return not failing
    write_lines()
    # Before anything is signed here: a witness may know that this database is an older copy.
    _attempt(greet, failing)
    pulse = Part("pulse", lambda: show_pulse(house, owner, failing), busy=PULSE, idle=PULSE)
    threads = [
        threading.Thread(target=_keep_doing, args=(part, stop, failing), name=part.name, daemon=True)
        for part in (*parts, look, pulse)
    ]
    with _told_to_stop(stop):
        if watched:
            threading.Thread(target=_stop_at_end_of_input, args=(stop,), name="watched", daemon=True).start()
        journal.info("started", extra={"facts": {"worker": owner}})
        for thread in threads:
            thread.start()
        stop.wait()
    end = time.monotonic() + PATIENCE
    for thread in threads:
        # Whoever does not come back in time is left behind: its transaction is undone and its lease runs out.
        thread.join(max(0.0, end - time.monotonic()))
    _attempt(Part("pulse", lambda: end_pulse(house, owner)), failing)
    journal.info("stopped", extra={"facts": {"worker": owner}})
    return not failing


# -- the parts -----------------------------------------------------------------------------------------------------


def unless_stopped(house: House, work: Callable[[], int]) -> int:
    """Do the work unless the house has stopped: in a database that is not the right one, deadlines fired long ago would
    fire again, and letters that left would leave again."""
    with house.engine.connect() as connection:
        if must_rest(connection, house):
            return 0
    return work()


def fire_deadlines(house: House) -> int:
    """Fire what is due, dispute by dispute; answers on how many. One dispute that fails does not stop the others: it
    is logged, and counts as a failure of this part when all have had their turn."""
    fired, failures = 0, []
    for dispute_id in due_disputes(house):
        try:
            fire_one(house, dispute_id)
            fired += 1
        except Exception as bug:  # the outermost edge: nobody above could go on with the next dispute
            failures.append(bug)
            journal.error("deadline broken", extra={"facts": {"dispute": dispute_id, **_trace(bug)}})
    if failures:
        raise ExceptionGroup("deadlines that could not fire", failures)
    return fired


def draw_mediators(house: House, left: dict[str, int]) -> int:
    """Fix pools and draw, dispute by dispute; answers how often a dispute went on. `left` keeps, by dispute, until when
    it is left alone because nobody fits. One that fails does not stop the others."""
    done, failures, now = 0, [], house.clock()
    with house.engine.connect() as connection:
        waiting = to_be_drawn(connection, MOST_DRAWS)
    for dispute_id in waiting:
        if now < left.get(dispute_id, 0):
            continue
        try:
            done += advance_draw(house, dispute_id)
        except Refused as refused:
            left[dispute_id] = now + NOBODY_FITS
            journal.warning("nobody can be drawn", extra={"facts": {"dispute": dispute_id, "code": refused.code}})
        except Exception as bug:  # the outermost edge: nobody above could go on with the next dispute
            failures.append(bug)
            journal.error("draw broken", extra={"facts": {"dispute": dispute_id, **_trace(bug)}})
    for gone in left.keys() - set(waiting):
        del left[gone]
    if failures:
        raise ExceptionGroup("draws that could not be made", failures)
    return done


def seal_log(house: House) -> int:
    """Give queued entries their places and sign a checkpoint when there are new ones."""
    moved = integrate(house)
    # Asked also when nothing moved: a worker that died in between leaves places without a signature.
    try:
        return moved + (publish(house) is not None)
    except SigningStopped as stopped:
        journal.error("signing stopped", extra={"facts": {"code": stopped.code, "todo": "odr doctor"}})
        raise
    except NotAtHand:
        # Nothing contradicts, so everything else goes on; only checkpoints wait, and what waits for them.
        journal.error("a key is not at hand", extra={"facts": {"todo": "odr doctor"}})
        raise


def ask_witnesses(asking: Asking, *, everybody: bool = False) -> int:
    """Have the last checkpoint cosigned by whoever has not yet done so; answers how many did now."""
    try:
        return asking.round(everybody=everybody)
    except SigningStopped as stopped:
        journal.error("signing stopped", extra={"facts": {"code": stopped.code, "todo": "odr doctor"}})
        raise
    except PolicyTrouble:
        journal.error("the policy cannot be followed", extra={"facts": {"todo": "odr doctor"}})
        raise


def tell_unsigned(witness: str, code: str) -> None:
    """One line for the operator; the log goes on without that witness, which is asked again later."""
    journal.warning("a witness did not sign", extra={"facts": {"witness": witness, "code": code}})


def send_mail(app: Flask, house: House, post: Post, owner: str, stop: threading.Event) -> int:
    """Send the notices that are due, at most a handful at a time; answers how many were tried."""
    letters = claim(house.engine, house.clock(), owner, LETTERS_AT_ONCE)
    try:
        if any(entry_of(letter) for letter in letters):
            # What they tell of is sealed first, so that they carry its receipt; where it cannot be, they go without.
            _attempt(Part("seal", lambda: seal_log(house)), set())
        with app.app_context():
            press = Press(app.jinja_env, house.settings)
            for place, letter in enumerate(letters):
                if stop.is_set():
                    for left in letters[place:]:
                        hand_back(house.engine, left)
                    break
                send_one(house, press, post, letter)
    finally:
        post.close()
    return len(letters)


def send_one(house: House, press: Press, post: Post, letter: Letter) -> None:
    """Send one notice and write down what became of it; the operator's line names ids and codes only."""
    if not hold(house.engine, letter, house.clock()):
        # The letters before it took so long that another worker has it now.
        return
    try:
        said = as_said_now(house, letter)
        if said is None:
            mark_overtaken(house.engine, letter, house.clock())
            _tell(logging.INFO, "notice overtaken", letter, "")
            return
        receipt = receipt_for(house, said)
        send(house, press, post, lambda connection, row: find_recipient(house, connection, row), said, receipt)
    except TurnedAway as end:
        mark_refused(house.engine, letter, house.clock(), end.code)
        _tell(logging.ERROR, "notice given up", letter, end.code)
    except PutOff as trouble:
        if mark_failed(house.engine, letter, house.clock(), trouble.code):
            _tell(logging.ERROR, "notice given up", letter, trouble.code)
        else:
            _tell(logging.WARNING, "notice put off", letter, trouble.code)
    except Exception as bug:  # one letter that cannot be made must not hold up all the others
        mark_failed(house.engine, letter, house.clock(), "broken")
        _tell(logging.ERROR, "notice broken", letter, _trace(bug)["trace"])
    else:
        mark_sent(house.engine, letter, house.clock())
        _tell(logging.INFO, "notice sent", letter, "")


def as_said_now(house: House, letter: Letter) -> Letter | None:
    """The letter as its dispute stands now; None when what it was written for is over."""
    if letter.template == "mandate" and not _still_offered(house, letter):
        return None
    acting = letter.params.get("acting", {})
    dispute_id, side = letter.dispute_id or acting.get("dispute"), letter.side or acting.get("side")
    if dispute_id is None or side is None:
        return letter
    with house.engine.connect() as connection:
        dispute = stand(connection, house, dispute_id).dispute
    if overtaken(dispute, letter.template, side, letter.params):
        return None
    mandate = dispute.mandate_of(acting["representative"]) if acting else None
    if acting and not (mandate and mandate_stands(dispute, mandate, house.clock())):
        # Whoever acts for a side no longer learns nothing more of it.
        return None
    return replace(letter, params=as_it_stands(dispute, letter.template, letter.params))


def _still_offered(house: House, letter: Letter) -> bool:
    """Whether the mandate that a letter offers was not ended before it left."""
    with house.engine.connect() as connection:
        dispute = stand(connection, house, letter.params["dispute"]).dispute
    given = dispute.mandate_of(letter.params["representative"])
    return given is not None and mandate_is_open(dispute, given, house.clock())


def find_recipient(house: House, connection: Connection, letter: Letter) -> Recipient | None:
    """Who a letter goes to now: the account of a side or of the mediator whom it names, else the address that the
    filing names; None when gone."""
    if letter.dispute_id is None or letter.side is None:
        return recipient_of(house, connection, letter)
    if letter.side == MEDIATOR:
        sitting = mediator_account(connection, letter.params["mediator"])
        return recipient_of(house, connection, letter, sitting) if sitting else None
    contact = contact_of(connection, house, letter.dispute_id, letter.side)
    holder = recipient_of(house, connection, letter, contact.account_id) if contact.account_id else None
    # A seller stays a party after closing an account, and can come in again by the link; a buyer who closed the
    # account wants no more mail.
    if holder or contact.email is None or (contact.account_id and letter.side == "buyer"):
        return holder
    return Recipient(contact.email, contact.language, "UTC")


def receipt_for(house: House, letter: Letter) -> bytes | None:
    """The receipt of the entry of which a notice tells a side; None for other letters, and where there is none yet."""
    version = entry_of(letter)
    if version is None or letter.dispute_id is None or letter.side is None:
        return None
    try:
        with house.engine.connect() as connection:
            receipt = receipt_of(connection, stream_of(letter.dispute_id), version)
        entry = check(read(receipt).entry) if receipt else None
    except (Torn, ValueError):
        # What is stored is damaged, of which the house is told elsewhere; the notice is not held up.
        return None
    return receipt if entry and may_have_receipt(letter.side, entry.reach, entry.role) else None


def read_reports(house: House) -> int:
    """Read what mail servers report on notices that left, and put it away; answers how many were looked at."""
    folder = house.settings.mail_reports
    if folder is None:
        return 0
    looked_at = 0
    for path in waiting_reports(folder, REPORTS_AT_ONCE):
        try:
            room = _take_in(house, path)
        except FileNotFoundError:
            # Another worker was first.
            continue
        except SQLAlchemyError:
            # The report is whole, the database is not; it stays where it is.
            raise
        except Exception as bug:  # written by a stranger, perhaps to do harm; it must not stop those that follow
            journal.error("report unreadable", extra={"facts": _trace(bug)})
            room = UNKNOWN
        put_away(folder, path, room)
        looked_at += 1
    return looked_at


def _take_in(house: House, path: Path) -> str:
    """Read one report and mark its notice; answers into which room it goes."""
    raw = open_report(path)
    report = read_report(raw, domain_of(house.settings)) if raw is not None else None
    if report is None:
        return UNKNOWN
    if report.what != FAILED:
        return DONE
    if not mark_returned(house.engine, report.mark, house.clock(), report.code):
        return UNKNOWN
    journal.warning("notice returned", extra={"facts": {"mark": report.mark, "code": report.code}})
    return DONE


def record_service(house: House) -> int:
    """Record in their disputes which notices left and which came back; answers how many. One that fails does not stop
    the others."""
    recorded, failures = 0, []
    for fact in unrecorded(house.engine, FACTS_AT_ONCE):
        try:
            record_one(house, fact)
            recorded += 1
        except Exception as bug:  # the outermost edge: nobody above could go on with the next fact
            failures.append(bug)
            journal.error("service broken", extra={"facts": {"notice": fact.id, **_trace(bug)}})
    if failures:
        raise ExceptionGroup("notices whose fate could not be recorded", failures)
    return recorded


def record_one(house: House, fact: Unrecorded) -> None:
    """Record what became of one notice, once: the entry and the mark that it is written are one transaction, and the
    key makes a second attempt the same act."""

    def noted(connection: Connection, _stored: list[Stored]) -> None:
        mark_recorded(connection, fact.id, fact.what)

    def record(rule: Rule, what: str) -> None:
        written = noted if fact.what == what else None
        perform(
            house,
            rule,
            fact.dispute_id,
            SYSTEM,
            key=f"notice/{fact.id}/{what}",
            alongside=written,
            side=fact.side,
            template=fact.template,
        )

    if fact.left:
        record(record_notice, SENT)
    if fact.what == RETURNED and _went_elsewhere(house, fact):
        # The buyer has named another address since; that this one does not work says nothing of the new one.
        write_unit(house.engine, lambda connection: mark_recorded(connection, fact.id, fact.what))
    elif fact.what == RETURNED:
        record(return_notice, RETURNED)


def _went_elsewhere(house: House, fact: Unrecorded) -> bool:
    with house.engine.connect() as connection:
        contact = contact_of(connection, house, fact.dispute_id, fact.side)
    return contact.account_id is None and contact.named_at > fact.at


def cut_figures(house: House, considered: set[int]) -> int:
    """Cut the daily edition of the figures when its hour has come. Whether enough has moved is asked once a day, or the
    hour of an edition would tell when somebody acted; `considered` holds the days for which it was."""
    day = (house.clock() - CUT_AT) // DAY_MS
    if day in considered:
        return 0
    edition = cut_daily(house, counted_as_of)
    considered.add(day)
    return int(edition is not None)


def check_log(house: House) -> int:
    """Look at the newest part of the log: when the worker begins, and every hour. What waits for a place gets it first,
    so that what still waits then is missed for a reason."""
    integrate(house)
    _tell_of_check(check_quickly(house))
    return 0


def check_house(house: House) -> int:
    """Verify the whole house when its hour of the night has come."""
    with house.engine.connect() as connection:
        if not full_is_due(connection, house.origin, house.clock()):
            return 0
    _tell_of_check(check_fully(house, verify_house))
    return 1


def _tell_of_check(outcome: Outcome) -> None:
    facts = {"kind": outcome.kind, "size": outcome.size, "findings": len(outcome.findings), "code": outcome.code}
    level = logging.ERROR if outcome.findings else logging.INFO
    journal.log(level, "house checked", extra={"facts": facts | ({"todo": "odr verify"} if outcome.findings else {})})
    if outcome.stopped:
        journal.error("signing stopped", extra={"facts": {"code": outcome.code, "todo": "odr doctor"}})


def alarm_operator(house: House, told: set[str]) -> int:
    """Mail the operator, once for each trouble, that the house has stopped or that its check found something; `told`
    holds what was mailed. Straight to the mail server: the outbox of a house that has stopped stands still."""
    troubles = _troubles(house)
    told &= troubles.keys()
    address = operator_address(house.settings)
    if address is None:
        return 0
    for trouble in sorted(troubles.keys() - told):
        post = open_post(house.settings.mail_url)
        try:
            post.deliver(*to_operator(house.settings, address, trouble, troubles[trouble], house.clock()))
        finally:
            post.close()
        told.add(trouble)
    return 0


def _troubles(house: House) -> dict[str, str]:
    """What the operator must know at once: a few words for each, and the sentence."""
    with house.engine.connect() as connection:
        stopped = must_rest(connection, house)
        checks = last_checks(connection)
    troubles = {
        f"the {kind} check found something ({last.code})": f"The {kind} check of the house counted {last.findings} "
        f"findings, {last.code} above all. What they are: odr verify. What to do: “When something is wrong” in "
        "docs/operating.md."
        for kind, last in sorted(checks.items())
        if not last.sound
    }
    return {f"the house has stopped ({stopped})": str(SigningStopped(stopped))} if stopped else troubles


def sweep(house: House) -> int:
    """Forget what nobody needs any more: old links and sessions, drafts, staged files, workers long gone."""
    now = house.clock()
    sweep_people(house)
    house.files.sweep_staging(STAGED_LASTS, real_clock())
    if house.settings.mail_reports is not None:
        forget_reports(house.settings.mail_reports, real_clock() - REPORT_KEPT)

    def unit(connection: Connection) -> None:
        sweep_drafts(connection, now - DRAFT_LASTS)
        forget_drafts(connection, now - DRAFT_LASTS)
        connection.execute(delete(worker).where(worker.c.seen_at < now - WORKER_MISSED))

    write_unit(house.engine, unit)
    forget_addresses(house)
    return 0


def show_pulse(house: House, owner: str, failing: set[str]) -> int:
    """Write that this worker is alive, for `odr doctor`."""
    now, names = house.clock(), ",".join(sorted(failing))

    def unit(connection: Connection) -> None:
        seen = connection.execute(update(worker).where(worker.c.owner == owner).values(seen_at=now, failing=names))
        if not seen.rowcount:
            connection.execute(insert(worker).values(owner=owner, started_at=now, seen_at=now, failing=names))

    write_unit(house.engine, unit)
    return 0


def end_pulse(house: House, owner: str) -> int:
    write_unit(house.engine, lambda connection: connection.execute(delete(worker).where(worker.c.owner == owner)))
    return 0


# -- the machinery -------------------------------------------------------------------------------------------------


def _keep_doing(part: Part, stop: threading.Event, failing: set[str]) -> None:
    rest = part.busy
    while not stop.is_set():
        done = _attempt(part, failing)
        if done is None:
            rest = min(rest * 2, LONGEST_REST)
        else:
            rest = part.busy if done else min(rest * 2, part.idle)
        stop.wait(rest)


def _attempt(part: Part, failing: set[str]) -> int | None:
    """What the part did, or None when it failed: then the others go on, and the operator gets the place of it."""
    try:
        done = part.work()
    except Exception as failure:  # the outermost edge: whatever it is, the other parts go on
        failing.add(part.name)
        journal.error("part failed", extra={"facts": {"part": part.name, **_trace(failure)}})
        return None
    failing.discard(part.name)
    return done


def _trace(failure: BaseException) -> dict[str, str]:
    """Where and what kind of failure, under an id that is the same each time; never its text, which may name people."""
    frames = [
        f"{frame.filename.rpartition('/odr/')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(failure.__traceback__)
    ]
    kind = type(failure).__name__
    return {
        "trace": hashlib.sha256("\n".join([kind, *frames]).encode()).hexdigest()[:12],
        "kind": kind,
        "at": " < ".join(reversed(frames)),
    }


def _tell(level: int, what: str, letter: Letter, code: str) -> None:
    facts = {"notice": letter.id, "template": letter.template, "attempt": letter.attempts, "code": code}
    journal.log(level, what, extra={"facts": facts | ({"dispute": letter.dispute_id} if letter.dispute_id else {})})


@contextmanager
def _told_to_stop(stop: threading.Event) -> Iterator[None]:
    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_at_end_of_input(stop: threading.Event) -> None:
    # Whoever watches this worker holds the other end; when that process dies, however hard, the input ends.
    # Read below the buffer, whose lock a thread that still waits at the end of the process would keep.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


class Lines(logging.Formatter):
    """One line of JSON for each record: time, level, what happened, and facts made of ids, counts and codes."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "what": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        return json.dumps(line, ensure_ascii=True)


def write_lines() -> None:
    """Send the worker's log to standard error, a line each, unless somebody set it up otherwise."""
    if not journal.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(Lines())
        journal.addHandler(handler)
        journal.setLevel(logging.INFO)
        journal.propagate = False
