"""A log that sends its checkpoints to a witness, written here from C2SP tlog-witness; and witnesses as processes."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from odr.log import proof
from odr.witness.service import Answer
from tests.log.books import ORIGIN, a_book, signed

LONG = a_book(40)
OTHER = a_book(40)
# Another history: the same log, one entry told otherwise.
OTHER.entries[7] = OTHER.entries[6]


def root(size: int, book=LONG) -> bytes:
    return proof.root(book.leaves[:size])


def note(size: int, book=LONG, *, seed: int = 1, origin: str = ORIGIN) -> bytes:
    return signed(size, root(size, book), seed=seed, origin=origin)


def path(old: int, new: int, book=LONG) -> list[bytes]:
    return proof.consistency_proof(book.leaves[:new], old) if old else []


def submission(old: int, new: int, book=LONG, **given) -> bytes:
    """The body of a request, as the standard has it."""
    return body(old, path(old, new, book), note(new, book, **given))


def body(old: int | str, hashes: list[bytes], signed_note: bytes) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(held).decode() for held in hashes), "", ""]
    return "\n".join(lines).encode() + signed_note


def post(url: str, raw: bytes, path: str = "/add-checkpoint", **headers: str) -> Answer:
    """What the witness at this address answers."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port or 0, timeout=30)
    try:
        connection.request("POST", path, raw, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.headers["Content-Type"])
    finally:
        connection.close()


def get(url: str) -> tuple[int, str]:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port or 0, timeout=30)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def odr(*words: str | Path) -> str:
    """What the command says; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "odr", *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A witness as a process of its own, and where it answers. At the end it is killed, without a word before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "odr", "witness", "serve", str(folder), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = process.stdout.readline() if process.stdout else ""
        found = re.search(r"http://\S+:\d+", said)
        assert found, said
        yield found[0], process
    finally:
        process.kill()
        process.wait(30)
        if process.stdout:
            process.stdout.close()
