"""Answering a log: read, decide, remember and only then sign, with nobody else deciding about this log meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from odr.log.note import Checkpoint, text_of
from odr.witness.keys import WitnessKey
from odr.witness.rules import CONFLICT, UNPROVEN, Declined, Submission, identify, read_submission, require_growth
from odr.witness.store import Store, Unsound

PLAIN = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
"""What a witness says it answers when it names the size that it signed last."""

journal = logging.getLogger("odr.witness")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes
    kind: str = PLAIN


def add_checkpoint(store: Store, key: WitnessKey, body: bytes, clock: Callable[[], float]) -> Answer:
    """The answer to a checkpoint that a log sends: a cosignature, or why there is none. `clock` tells seconds since
    1970."""
    try:
        submission = read_submission(body)
        checkpoint = identify(submission, store.followed())
        with store.alone_with(checkpoint.origin):
            _decide(store, submission, checkpoint)
            # Remembered first. Whoever dies in between owes the log a line, which it will ask for again.
            store.remember(checkpoint.origin, submission.note)
            # Still alone: what the line says of this moment is true then.
            line = key.cosign(text_of(submission.note), int(clock()))
    except Declined as declined:
        return _turned_down(declined)
    except (Unsound, OSError) as trouble:
        # Also where the disk is full: what cannot be remembered is not signed.
        journal.error("%s", trouble)
        return Answer(500, b"This witness cannot read or keep what it has to remember, and signs nothing.\n")
    journal.info("signed %d entries of %s", checkpoint.size, checkpoint.origin)
    return Answer(200, line)


def _decide(store: Store, submission: Submission, checkpoint: Checkpoint) -> None:
    last = store.last(checkpoint.origin)
    try:
        require_growth(submission, checkpoint, last[0] if last else None)
    except Declined as declined:
        if last and last[0] != checkpoint:
            _keep(store, submission, checkpoint, declined, last[1])
        raise


def _keep(store: Store, submission: Submission, checkpoint: Checkpoint, declined: Declined, last: bytes) -> None:
    """Keep what may prove that a log told two histories."""
    kept = None
    if declined.forks:
        kept = store.keep_evidence("fork", checkpoint, last, submission.note)
    elif declined.status == UNPROVEN:
        kept = store.keep_evidence("unproven", checkpoint, last, submission.note)
    if kept:
        journal.error("not signed, kept as evidence: %s of %s", kept.name, checkpoint.origin)


def _turned_down(declined: Declined) -> Answer:
    if declined.status == CONFLICT:
        return Answer(CONFLICT, b"%d\n" % (declined.size or 0), SIZE)
    return Answer(declined.status, f"{declined.sentence}\n".encode())


def described(store: Store, key: WitnessKey) -> str:
    """The page of a witness: what it is, in words."""
    lines = [
        f"This is the witness {key.name}.",
        "",
        "It watches logs that promise that nothing in them is ever changed or taken out. It remembers the",
        "last checkpoint it saw of each, and signs the next one only when a proof shows that the log has",
        "grown from it. So a log cannot show one history to you and another one to somebody else without",
        "being found out.",
        "",
        "It does not read what stands in a log, and does not say that it is true.",
        "",
        "Its key, as a line for your policy (C2SP vkey):",
        f"  {key.vkey}",
        "",
        "Have the key from whoever runs this witness, by a way of its own, not from this page alone.",
        "",
        "The logs that it follows, and the size it last signed:",
        *(_followed(store) or ["  none yet"]),
        "",
        *_contradictions(store),
        "Logs send their checkpoints by POST to add-checkpoint under this address (c2sp.org/tlog-witness).",
    ]
    return "\n".join(lines) + "\n"


def _followed(store: Store) -> list[str]:
    said = []
    for origin in sorted(store.followed()):
        last = store.last(origin)
        said.append(f"  {origin}  {last[0].size if last else 'nothing yet'}")
    return said


def _contradictions(store: Store) -> list[str]:
    kept = store.evidence()
    said = []
    if "fork" in kept:
        said += [f"LOGS SIGNED TWO HISTORIES: {kept['fork']} proofs of it are kept here.", ""]
    if "unproven" in kept:
        said += [f"Checkpoints sent without a proof that holds, and therefore not signed: {kept['unproven']}.", ""]
    return said
