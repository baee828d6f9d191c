"""The witnesses of a house: whom its policy names, asking each to cosign every checkpoint, and what they signed.

A witness that is away holds up nobody; one that has seen more of this log than the database holds stops the house
(ADR 20).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from odr.database import one_moment, write_unit
from odr.house import House, Settings
from odr.log import tables
from odr.log.halt import Halt, SigningStopped, latest_checkpoint, must_rest, stop
from odr.log.keys import verifier
from odr.log.note import (
    MOST_SIGNATURES,
    Cosignature,
    Rejected,
    Verifier,
    Verify,
    cosigner,
    find_cosignature,
    read_checkpoint,
    read_cosignature,
    text_of,
    to_base64,
)
from odr.log.policy import LARGEST_POLICY, Policy, Unclear, Witness, read_policy
from odr.log.proof import LARGEST_SIZE, Unproven, verify_consistency
from odr.log.signers import signers_of
from odr.log.tiles import Torn, consistency

SECOND = 1_000
GRACE = 60 * SECOND
"""How long a checkpoint may wait for its witnesses before the house says that they are missing."""
FRESH = 3_600 * SECOND
"""After this long a witness is asked again for the same checkpoint, so that its time says that it still looks."""
STALE = 24 * 3_600 * SECOND
"""After this long without a new word of them the witnesses are missing, although nothing new was there to sign."""

QUIET, LONGEST = 5.0, 10.0
"""Seconds that a witness may be silent, and that asking it may take in all."""
REST, LONGEST_REST = 5 * SECOND, 300 * SECOND
"""How long a witness that did not answer is left alone: twice as long each time."""
LARGEST_ANSWER = 64 * 1024
MOST_ASKED_AT_ONCE = 8
MOST_TRIES = 3
"""Requests in one exchange: the first size may be wrong, and the second overtaken by another worker."""

LATELY = 10_000
"""Checkpoints back to which is looked for what a witness signed last."""
VERIFIED = 100
"""Checkpoints whose cosignatures `odr verify` verifies, from the last one back."""

NO_QUORUM, MET, WAITING, MISSING, UNREADABLE = "no_quorum", "met", "waiting", "missing", "unreadable"

_cosignature, _checkpoint = tables.cosignature, tables.checkpoint
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


class PolicyTrouble(Exception):
    """The policy that the settings name cannot be followed; the text tells the operator why."""


class Unanswered(Exception):
    """A witness gave no cosignature; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Seen:
    """A witness and the last checkpoint that it cosigned, as the house keeps it: which, of how many entries, and when
    (ms UTC, by the witness's own clock). Zeros where it signed none lately."""

    witness: Witness
    number: int = 0
    size: int = 0
    at: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """How the log is watched. `standing` is one of the five above; `since` is when the quorum was last there or should
    have been, where it is missing; `signed` are the witnesses that cosigned the last checkpoint."""

    standing: str
    policy: Policy = field(default_factory=Policy)
    witnesses: tuple[Seen, ...] = ()
    signed: frozenset[str] = frozenset()
    since: int = 0

    @property
    def signed_counted(self) -> int:
        """How many of the witnesses that count signed the last checkpoint."""
        return sum(witness.name in self.signed for witness in self.policy.counted)


# -- what is kept --------------------------------------------------------------------------------------------------


def policy_of(settings: Settings) -> Policy:
    """The policy of this house; one that asks for nobody where none is named. Raises PolicyTrouble."""
    raw = _policy_file(settings)
    try:
        return read_policy(raw) if raw is not None else Policy()
    except Unclear as unclear:
        raise PolicyTrouble(str(unclear)) from unclear


def policy_text(connection: Connection, house: House) -> bytes:
    """The policy of this house as a file: its own, or one of the log's keys alone. Raises PolicyTrouble."""
    raw = _policy_file(house.settings)
    if raw is not None:
        policy_of(house.settings)
        return raw
    last = latest_checkpoint(connection)
    keys = signers_of(connection, house.origin).newest_first(last.size if last else 0)
    return "".join([*(f"log {key}\n" for key in keys), "quorum none\n"]).encode()


def cosigned(connection: Connection, row: Any) -> bytes:
    """The note of a checkpoint (a row of `latest_checkpoint`) with the lines of the witnesses that cosigned it."""
    return with_cosignatures(connection, row.number, bytes(row.note))


def with_cosignatures(connection: Connection, number: int, note: bytes) -> bytes:
    """The note of the checkpoint of this number with those lines; as many as a reader must accept."""
    return _noted(note, [found.line for _tag, found in _lines(connection, [number])])


def last_cosigned(connection: Connection) -> bytes | None:
    """As `cosigned` of the last checkpoint, in one statement, since the whole world asks; None before the first."""
    rows = connection.execute(_LAST_COSIGNED).all()
    return _noted(bytes(rows[0].note), [bytes(row.line) for row in rows if _is_line(row.line)]) if rows else None


_LAST_COSIGNED = (
    select(_checkpoint.c.note, _cosignature.c.line)
    .outerjoin(_cosignature, _cosignature.c.number == _checkpoint.c.number)
    .where(_checkpoint.c.number == select(func.max(_checkpoint.c.number)).scalar_subquery())
    .order_by(_cosignature.c.at, _cosignature.c.witness)
)


def _noted(note: bytes, lines: list[bytes]) -> bytes:
    room = MOST_SIGNATURES - note.rpartition(b"\n\n")[2].count(b"\n")
    return note + b"".join(lines[:room])


def _is_line(raw: bytes | None) -> bool:
    try:
        return raw is not None and bool(read_cosignature(bytes(raw)))
    except Rejected:
        return False


def watch_of(connection: Connection, house: House) -> Watch:
    """How the log is watched now, as far as the lines kept verify."""
    return watch_at(connection, house.settings, house.clock())


def watch_at(connection: Connection, settings: Settings, now: int) -> Watch:
    """How the log was watched at this instant."""
    try:
        policy = policy_of(settings)
    except PolicyTrouble:
        return Watch(UNREADABLE)
    latest = latest_checkpoint(connection)
    witnesses = _seen(connection, policy, latest)
    signed = _signers(connection, policy, latest) if latest else {}
    watch = Watch(NO_QUORUM, policy, witnesses, frozenset(signed))
    if policy.quorum is None:
        return watch
    since = _missing_since(connection, policy, latest, signed)
    if latest is None or (since is not None and now - since < GRACE):
        return _standing(watch, WAITING, since or 0)
    if since is None and policy.is_met_by(signed.keys()):
        at = _met_at(policy, signed)
        return _standing(watch, MISSING, at) if now - at > STALE else _standing(watch, MET, at)
    return _standing(watch, MISSING, since or 0)


def _standing(watch: Watch, standing: str, since: int) -> Watch:
    return Watch(standing, watch.policy, watch.witnesses, watch.signed, since)


def _policy_file(settings: Settings) -> bytes | None:
    if settings.policy is None:
        return None
    try:
        with settings.policy.open("rb") as file:
            return file.read(LARGEST_POLICY + 1)
    except OSError as trouble:
        raise PolicyTrouble(f"The policy {settings.policy} cannot be read: {trouble.strerror}.") from trouble


def tag_of(witness: Witness) -> str:
    """What the lines of a witness are kept under: its key's name and id, so that another key is another witness."""
    return f"{witness.key_name}+{witness.key_id.hex()}"


def _lines(connection: Connection, numbers: Iterable[int]) -> list[tuple[str, Cosignature]]:
    """The lines kept for these checkpoints, the first to sign first; what is no such line is left out, since it would
    spoil the note that it stood in."""
    query = select(_cosignature.c.witness, _cosignature.c.line).where(_cosignature.c.number.in_(list(numbers)))
    held = []
    for row in connection.execute(query.order_by(_cosignature.c.at, _cosignature.c.witness)):
        with suppress(Rejected):
            held.append((row.witness, read_cosignature(bytes(row.line))))
    return held


def _signers(connection: Connection, policy: Policy, row: Any) -> dict[str, int]:
    """The witnesses of the policy whose lines for this checkpoint verify, and when they signed (ms UTC)."""
    held = dict(_lines(connection, [row.number]))
    signed = {}
    for witness in policy.witnesses:
        found = held.get(tag_of(witness))
        with suppress(Rejected):
            if found:
                text = text_of(bytes(row.note))
                signed[witness.name] = find_cosignature(text, found.line, _verifier(witness)).at * SECOND
    return signed


def _seen(connection: Connection, policy: Policy, latest: Any) -> tuple[Seen, ...]:
    """What each witness signed lately. A longer look back would read the whole table for one that never signed; whoever
    asks it learns from its answer what it signed last."""
    asked = {"since": latest.number - LATELY if latest else 0}
    seen = []
    for witness in policy.witnesses:
        row = connection.execute(_LAST_OF, {**asked, "witness": tag_of(witness)}).one_or_none()
        seen.append(Seen(witness, row.number, row.size, row.at) if row else Seen(witness))
    return tuple(seen)


_LAST_OF = (
    select(_cosignature.c.number, _checkpoint.c.size, _cosignature.c.at)
    .join(_checkpoint, _checkpoint.c.number == _cosignature.c.number)
    .where(_cosignature.c.witness == bindparam("witness"), _cosignature.c.number > bindparam("since"))
    .order_by(_cosignature.c.number.desc())
    .limit(1)
)


def _missing_since(connection: Connection, policy: Policy, latest: Any, signed: dict[str, int]) -> int | None:
    """When the first checkpoint after the last one with a quorum was signed; None where the last one has it."""
    if latest is None or policy.is_met_by(signed.keys()):
        return None
    last = _last_met(connection, policy, latest.number)
    query = select(func.min(_checkpoint.c.signed_at)).where(_checkpoint.c.number > last)
    since: int | None = connection.scalar(query)
    return since


def _last_met(connection: Connection, policy: Policy, below: int) -> int:
    """The number of the last checkpoint below this one with a quorum, 0 where there is none."""
    enough = (
        select(_cosignature.c.number)
        .where(_cosignature.c.witness.in_([tag_of(witness) for witness in policy.counted]))
        .group_by(_cosignature.c.number)
        .having(func.count() >= policy.fewest)
        .order_by(_cosignature.c.number.desc())
        .limit(1)
    )
    # Where any so many suffice the first of these is it; a nested quorum may need a few more looks.
    while (number := connection.scalar(enough.where(_cosignature.c.number < below))) is not None:
        row = connection.execute(select(_checkpoint).where(_checkpoint.c.number == number)).one_or_none()
        if row and policy.is_met_by(_signers(connection, policy, row).keys()):
            return int(number)
        below = number
    return 0


def _met_at(policy: Policy, signed: dict[str, int]) -> int:
    """The latest time at which a whole quorum had still to sign: what the quorum as a whole says of time."""
    newest: set[str] = set()
    for name, at in sorted(signed.items(), key=lambda item: -item[1]):
        newest.add(name)
        if policy.is_met_by(newest):
            return at
    return 0


def false_lines(connection: Connection, settings: Settings) -> Iterator[tuple[str, str]]:
    """What `odr verify` finds among the lines kept: a code and where. Signatures are verified of the last checkpoints,
    whose lines are handed out, and by the keys that the policy names."""
    try:
        known = {tag_of(witness): _verifier(witness) for witness in policy_of(settings).witnesses}
    except PolicyTrouble:
        known = {}
    last = connection.scalar(select(func.max(_checkpoint.c.number))) or 0
    former = tables.former_checkpoint
    query = (
        select(_cosignature, func.coalesce(_checkpoint.c.note, former.c.note).label("note"))
        .outerjoin(_checkpoint, _checkpoint.c.number == _cosignature.c.number)
        .outerjoin(former, former.c.number == _cosignature.c.number)
        .order_by(_cosignature.c.number, _cosignature.c.witness)
    )
    for row in connection.execute(query):
        where = f"checkpoint {row.number}, {row.witness}"
        if row.note is None:
            yield "cosignature_unknown", where
            continue
        try:
            found = read_cosignature(bytes(row.line))
        except Rejected:
            yield "cosignature_malformed", where
            continue
        if f"{found.name}+{found.key_id.hex()}" != row.witness:
            yield "cosignature_malformed", where
        elif row.witness in known and row.number > last - VERIFIED:
            try:
                find_cosignature(text_of(bytes(row.note)), found.line, known[row.witness])
            except Rejected:
                yield "cosignature_differs", where


def _verifier(witness: Witness) -> Verifier:
    return cosigner(witness.key_name, witness.public_key, verify_with(witness.public_key))


def verify_with(public_key: bytes) -> Verify:
    """How signatures of an Ed25519 key of 32 bytes are verified, for `policy.judge`."""
    return verifier("", public_key).verify


# -- asking --------------------------------------------------------------------------------------------------------


class _Contradiction(Exception):
    """A witness says that of `size` entries it has seen another tree than ours, when it was sent this note."""

    def __init__(self, size: int, note: bytes) -> None:
        super().__init__(size)
        self.size, self.note = size, note


@dataclass(slots=True)
class Asking:
    """Asks the witnesses of a house again and again. Keeps, for one process, whom to leave alone until when.

    `tell` is told the key's name of a witness that did not sign, and why.
    """

    house: House
    tell: Callable[[str, str], None]
    _asked: dict[str, tuple[int, int]] = field(default_factory=dict)
    _resting: dict[str, tuple[int, int]] = field(default_factory=dict)

    def round(self, *, everybody: bool = False) -> int:
        """Ask whoever has not yet cosigned the last checkpoint, or a while ago; answers how many did now. With
        `everybody`: all, as at a start, when a witness may know what this database does not.

        Raises SigningStopped when one has seen another history, PolicyTrouble.
        """
        policy = policy_of(self.house.settings)
        if not policy.witnesses:
            return 0
        with self.house.engine.connect() as connection:
            latest = latest_checkpoint(connection)
            seen = _seen(connection, policy, latest) if latest else ()
        due = [one for one in seen if one.witness.url and (everybody or self._is_due(one, latest.number))]
        if not due:
            return 0
        with ThreadPoolExecutor(min(len(due), MOST_ASKED_AT_ONCE)) as crew:
            asked = {crew.submit(exchange, self.house, one.witness, one.size): one.witness for one in due}
            return sum(self._take(asked[done], done.result) for done in as_completed(asked))

    def _is_due(self, one: Seen, number: int) -> bool:
        tag, now = tag_of(one.witness), self.house.clock()
        if tag in self._resting:
            return now >= self._resting[tag][1]
        asked, at = self._asked.get(tag, (0, 0))
        return one.number != number or (asked == number and now - at >= FRESH)

    def _take(self, witness: Witness, result: Callable[[], tuple[int, Cosignature]]) -> bool:
        tag, now = tag_of(witness), self.house.clock()
        try:
            number, line = result()
        except Unanswered as trouble:
            rest = min(2 * self._resting.get(tag, (0, 0))[0] or REST, LONGEST_REST)
            self._resting[tag] = rest, now + rest
            self.tell(witness.key_name, trouble.code)
            return False
        except _Contradiction as found:
            require_known(self.house, found.size, found.note)
            return False
        self._resting.pop(tag, None)
        self._asked[tag] = number, now
        _keep(self.house, number, tag, line)
        return True


def exchange(house: House, witness: Witness, old: int) -> tuple[int, Cosignature]:
    """Have this witness, which is thought to have signed last at `old` entries, cosign the last checkpoint: its number,
    and the line. Nothing of the database is held meanwhile. Raises Unanswered, _Contradiction."""
    for _try in range(MOST_TRIES):
        latest, path = _proof_from(house, old)
        note = bytes(latest.note)
        lines = [f"old {old}", *map(to_base64, path), "", ""]
        status, kind, answer = post(witness.url, "\n".join(lines).encode() + note, house.settings)
        if status == 200:
            try:
                return latest.number, find_cosignature(text_of(note), answer, _verifier(witness))
            except Rejected as broken:
                raise Unanswered(f"answer_{broken.code}") from broken
        if status == 422:
            # We proved it to ourselves before; so it holds another tree than this one at that size.
            raise _Contradiction(old, note)
        if status != 409:
            raise Unanswered(f"status_{status}")
        size = _size_in(kind, answer)
        if size == old and size < latest.size:
            # It says that it signed another size last, and names this one.
            raise Unanswered("answer_malformed")
        if size == old or size > latest.size:
            # It holds another root of this very size, or has seen more than there is.
            raise _Contradiction(size, note)
        old = size
    raise Unanswered("overtaken")


def _size_in(kind: str, answer: bytes) -> int:
    found = _SIZE.fullmatch(answer)
    if found is None or int(found[1]) > LARGEST_SIZE or kind.partition(";")[0].strip() != "text/x.tlog.size":
        raise Unanswered("answer_malformed")
    return int(found[1])


def _proof_from(house: House, old: int) -> tuple[Any, Sequence[bytes]]:
    """The last checkpoint, and the proof that leads to it from the one of `old` entries."""
    with one_moment(house.engine) as connection:
        latest = latest_checkpoint(connection)
        known = connection.execute(select(_checkpoint).where(_checkpoint.c.size == old)).one_or_none()
        if latest is None:
            raise Unanswered("no_checkpoint")
        if old == 0:
            return latest, ()
        if known is None:
            # It cosigned a checkpoint that is not stored here.
            raise _Contradiction(old, bytes(latest.note))
        try:
            path = consistency(connection, old, latest.size)
            before, after = (read_checkpoint(text_of(bytes(row.note))) for row in (known, latest))
            verify_consistency(old, before.root, latest.size, after.root, path)
        except (Torn, Unproven, Rejected) as broken:
            # Our own tree is not what we signed. The log says so by itself, and nobody is asked meanwhile.
            raise Unanswered("own_tree") from broken
        return latest, path


def require_known(house: House, size: int, note: bytes) -> None:
    """Stop the house: a witness has cosigned a checkpoint of `size` that is not in the database, or another one of that
    size. Raises SigningStopped. Looks again first, at what other workers may have signed and had cosigned meanwhile."""

    def unit(connection: Connection) -> str | None:
        resting = must_rest(connection, house)
        if resting is not None:
            return resting
        known = connection.scalar(select(_checkpoint.c.number).where(_checkpoint.c.size == size))
        # Larger than what was sent, and signed here: then a worker beside us was faster.
        if known is not None and size > read_checkpoint(text_of(note)).size:
            return None
        stop(connection, house, Halt("witnessed", note))
        return "witnessed"

    code = write_unit(house.engine, unit)
    if code is not None:
        raise SigningStopped(code)


def require_agreement(house: House) -> None:
    """For a house that had stopped for what a witness said: raise SigningStopped while one says so still, Unanswered
    while one that could say so does not answer."""
    with house.engine.connect() as connection:
        if connection.scalar(select(tables.stop.c.code)) != "witnessed":
            return
        seen = _seen(connection, policy_of(house.settings), latest_checkpoint(connection))
    for one in seen:
        try:
            if one.witness.url:
                exchange(house, one.witness, one.size)
        except _Contradiction as found:
            raise SigningStopped("witnessed") from found
        except Unanswered as trouble:
            raise Unanswered(f"{one.witness.key_name}: {trouble.code}") from trouble


def _keep(house: House, number: int, tag: str, line: Cosignature) -> None:
    def unit(connection: Connection) -> None:
        mine = (_cosignature.c.number == number) & (_cosignature.c.witness == tag)
        connection.execute(delete(_cosignature).where(mine))
        row = {"number": number, "witness": tag, "line": line.line, "at": line.at * SECOND}
        connection.execute(insert(_cosignature).values(row))

    write_unit(house.engine, unit)


# -- speaking to a witness -----------------------------------------------------------------------------------------


def address_of(url: str, settings: Settings) -> SplitResult:
    """The address under which a witness is asked: https, or http on this machine or where the settings allow it.

    Raises Unanswered("address").
    """
    try:
        address = urlsplit(url)
        host, _port = address.hostname or "", address.port
    except ValueError as wrong:
        raise Unanswered("address") from wrong
    fit = bool(host) and not (address.query or address.fragment or address.username or address.password)
    plain = address.scheme == "http" and (settings.witness_http or _is_here(host))
    if not fit or not (plain or address.scheme == "https"):
        raise Unanswered("address")
    return address


def post(url: str, body: bytes, settings: Settings) -> tuple[int, str, bytes]:
    """What a witness answers to a checkpoint: status, content type, body. Raises Unanswered."""
    address = address_of(url, settings)
    with _connected(address) as connection:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        connection.request("POST", f"{address.path.rstrip('/')}/add-checkpoint", body, headers)
        answer = connection.getresponse()
        # No redirect is followed: a witness is asked where the policy says, and nowhere else.
        said = answer.read(LARGEST_ANSWER + 1)
        if len(said) > LARGEST_ANSWER:
            raise Unanswered("answer_too_long")
        return answer.status, answer.headers.get("Content-Type", ""), said


def answers(url: str, settings: Settings) -> bool:
    """Whether somebody speaks HTTP under this address, whatever it says. Raises Unanswered("address")."""
    address = address_of(url, settings)
    try:
        with _connected(address) as connection:
            connection.request("GET", f"{address.path.rstrip('/')}/")
            return bool(connection.getresponse().status)
    except Unanswered:
        return False


@contextmanager
def _connected(address: SplitResult) -> Iterator[HTTPConnection]:
    kinds: dict[str, Callable[[], HTTPConnection]] = {
        "http": lambda: HTTPConnection(address.hostname or "", address.port, timeout=QUIET),
        "https": lambda: HTTPSConnection(
            address.hostname or "", address.port, timeout=QUIET, context=ssl.create_default_context()
        ),
    }
    connection = kinds[address.scheme]()
    # Silence ends an exchange by itself; this ends one with somebody who sends a byte now and then.
    end = threading.Timer(LONGEST, _cut, [connection])
    end.daemon = True
    end.start()
    try:
        yield connection
    except (OSError, HTTPException, ValueError) as trouble:
        raise Unanswered("unreachable") from trouble
    finally:
        end.cancel()
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
