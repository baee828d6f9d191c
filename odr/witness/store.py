"""What a witness remembers: which logs it follows, and for each the last checkpoint it signed, one file each."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from odr.log.keys import verifier
from odr.log.note import Checkpoint, Rejected, Verifier, read_checkpoint, read_vkey, text_of
from odr.witness.keys import sync_folder

LOGS = "logs"
STATE = "state"
EVIDENCE = "evidence"
ASIDE = ".aside."

MOST_KEPT = 500
"""Files of evidence of each kind kept at most, so that nobody fills the disk of a witness; and so that strangers, who
can send what is not proven, take no room from what proves a fork."""


class Unsound(Exception):
    """What a witness remembers cannot be read. It must not be taken for nothing: the witness would begin anew and sign
    another history."""


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of one witness. Two processes may work in it at once."""

    folder: Path

    def followed(self) -> dict[str, list[Verifier]]:
        """The keys of each log that is watched, by origin. Raises Unsound."""
        keys: dict[str, list[Verifier]] = {}
        for line in self._vkeys():
            try:
                origin, public_key = read_vkey(line)
            except Rejected as broken:
                raise Unsound(f"{self.folder / LOGS} holds a line that is not the vkey of a log.") from broken
            keys.setdefault(origin, []).append(verifier(origin, public_key))
        return keys

    def follow(self, vkey: str) -> bool:
        """Watch the log with this key, or take one more key of a log that is watched; answers whether that is new.

        Raises Rejected("bad_vkey").
        """
        read_vkey(vkey)
        with self._locked(LOGS):
            lines = self._vkeys()
            if vkey in lines:
                return False
            self._replace(self.folder / LOGS, "".join(f"{line}\n" for line in [*lines, vkey]).encode())
        return True

    def unfollow(self, vkey: str) -> bool:
        """Trust this key no more; answers whether it was trusted. What was seen of its log stays remembered."""
        with self._locked(LOGS):
            lines = self._vkeys()
            if vkey not in lines:
                return False
            self._replace(self.folder / LOGS, "".join(f"{line}\n" for line in lines if line != vkey).encode())
        return True

    @contextmanager
    def alone_with(self, origin: str) -> Iterator[None]:
        """Nobody else decides about this log meanwhile, in this process or another."""
        with self._locked(_named(origin)):
            yield

    def last(self, origin: str) -> tuple[Checkpoint, bytes] | None:
        """The last checkpoint signed for this log, as it was sent; None before the first. Raises Unsound."""
        path = self.folder / STATE / _named(origin)
        try:
            note = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            checkpoint = read_checkpoint(text_of(note))
        except Rejected as broken:
            raise Unsound(f"{path} is no checkpoint.") from broken
        if checkpoint.origin != origin:
            raise Unsound(f"{path} is the checkpoint of another log.")
        return checkpoint, note

    def remember(self, origin: str, note: bytes) -> None:
        """Keep this as the last checkpoint of the log; when this returns, it survives a power cut."""
        self._replace(self.folder / STATE / _named(origin), note)

    def keep_evidence(self, kind: str, checkpoint: Checkpoint, last: bytes, sent: bytes) -> Path | None:
        """Keep two notes of which a log should never have signed both; answers where, None when they lie there or
        there is no room."""
        folder = self.folder / EVIDENCE
        # Named by what was signed: anybody can put lines of their own behind a note, and send it once more.
        told = hashlib.sha256(text_of(last) + text_of(sent)).hexdigest()[:16]
        place = folder / f"{kind}-{checkpoint.size}-{told}"
        if place.exists() or self.evidence().get(kind, 0) >= MOST_KEPT:
            return None
        # One after the other: together they prove it to everybody who has the log's key.
        self._replace(place, last + b"\n" + sent)
        return place

    def evidence(self) -> Mapping[str, int]:
        """How many files of evidence of each kind are kept."""
        folder, counts = self.folder / EVIDENCE, dict[str, int]()
        for path in sorted(folder.iterdir()) if folder.exists() else []:
            kind = path.name.partition("-")[0]
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    def sweep(self, before: float) -> None:
        """Remove what processes left behind that were ended in the middle of a writing, before this time."""
        for path in self.folder.glob(f"{ASIDE}*"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _vkeys(self) -> list[str]:
        try:
            text = (self.folder / LOGS).read_text("utf-8")
        except FileNotFoundError:
            return []
        return [line for line in text.split("\n") if line]

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        # A lock belongs to one opening of the file, so it holds against other threads as well as other processes;
        # it goes with the process, however that ends.
        folder = self.folder / "locks"
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / name).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _replace(self, path: Path, raw: bytes) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        # Written aside and renamed: whoever dies here leaves the old file or the new one, never half of one.
        with NamedTemporaryFile(dir=self.folder, prefix=ASIDE, delete=False) as file:
            try:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
                raise
        sync_folder(path.parent)


def _named(origin: str) -> str:
    # An origin may hold any sign, a name of a file may not.
    return hashlib.sha256(origin.encode()).hexdigest()
