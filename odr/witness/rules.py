"""What a witness signs: that a log grew from what it saw of it before, and never that it is another one (C2SP
tlog-witness)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from odr.log.note import (
    LARGEST_NOTE,
    Checkpoint,
    Rejected,
    Verifier,
    from_base64,
    open_checkpoint,
    read_checkpoint,
    text_of,
)
from odr.log.proof import HASH_SIZE, LARGEST_SIZE, Unproven, verify_consistency

MOST_HASHES = 63
LARGEST_REQUEST = LARGEST_NOTE + 4_096
"""Bytes of the longest request read: the longest note, and the longest proof before it."""

MALFORMED, NOT_SIGNED, UNKNOWN, CONFLICT, UNPROVEN = 400, 403, 404, 409, 422
"""The answers of the protocol to what a witness does not sign."""

_OLD = re.compile(rb"old (0|[1-9][0-9]{0,18})")

Followed = Mapping[str, Sequence[Verifier]]
"""The keys of each log that a witness watches, by origin."""


class Declined(Exception):
    """Why a checkpoint is not signed: the status, a sentence for the log, and at CONFLICT the size signed last.

    `forks` says that two checkpoints of one size and of two roots are at hand, both signed by the log.
    """

    def __init__(self, status: int, sentence: str, *, size: int | None = None, forks: bool = False) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.size, self.forks = status, sentence, size, forks


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log sends: the size it thinks was signed last, the proof from there, and its checkpoint as signed."""

    old: int
    path: tuple[bytes, ...]
    note: bytes


def read_submission(body: bytes) -> Submission:
    """The parts of a request. Raises Declined(MALFORMED)."""
    _require(len(body) <= LARGEST_REQUEST, MALFORMED, "The request is too long.")
    head, separator, note = body.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    old = _OLD.fullmatch(first)
    if old is None or int(old[1]) > LARGEST_SIZE:
        raise Declined(MALFORMED, "The first line is not “old” and a size.")
    _require(len(lines) <= MOST_HASHES, MALFORMED, "The proof is too long.")
    _require(bool(separator), MALFORMED, "There is no empty line and no checkpoint after it.")
    return Submission(int(old[1]), tuple(map(_hash, lines)), note)


def identify(submission: Submission, followed: Followed) -> Checkpoint:
    """The checkpoint, signed by a log that is followed. Raises Declined(MALFORMED | UNKNOWN | NOT_SIGNED)."""
    try:
        told = read_checkpoint(text_of(submission.note))
    except Rejected as broken:
        raise Declined(MALFORMED, f"The checkpoint is malformed: {broken.code}.") from broken
    _require(told.origin in followed, UNKNOWN, "This witness does not follow a log of this origin.")
    try:
        return open_checkpoint(submission.note, told.origin, followed[told.origin])
    except Rejected as broken:
        status = (
            NOT_SIGNED if broken.code in ("bad_signature", "no_known_signature", "not_signed_by_log") else MALFORMED
        )
        raise Declined(status, f"The checkpoint is not signed as it should be: {broken.code}.") from broken


def require_growth(submission: Submission, checkpoint: Checkpoint, last: Checkpoint | None) -> None:
    """Raise Declined(MALFORMED | CONFLICT | UNPROVEN) unless the checkpoint follows from the last one that was signed
    for this log, None before the first."""
    _require(submission.old <= checkpoint.size, MALFORMED, "The old size is above the size of the checkpoint.")
    seen = last.size if last else 0
    forks = last is not None and last.size == checkpoint.size and last.root != checkpoint.root
    if submission.old != seen or forks:
        raise Declined(CONFLICT, "The last checkpoint signed here is another one.", size=seen, forks=forks)
    try:
        if last is None or last.size == 0:
            _require(not submission.path, UNPROVEN, "Nothing is proven from a log of no entries.")
        else:
            verify_consistency(last.size, last.root, checkpoint.size, checkpoint.root, submission.path)
    except Unproven as broken:
        raise Declined(
            UNPROVEN, f"The proof does not lead from one checkpoint to the other: {broken.code}."
        ) from broken


def _require(holds: bool, status: int, sentence: str) -> None:
    if not holds:
        raise Declined(status, sentence)


def _hash(line: bytes) -> bytes:
    found = from_base64(line.decode("ascii", "replace"))
    if found is None or len(found) != HASH_SIZE:
        raise Declined(MALFORMED, "A line of the proof is not a hash in base64.")
    return found
