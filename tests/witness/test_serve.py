"""The witness as a process: over HTTP, two at once on one folder, and killed at any moment."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from odr.log.note import text_of
from odr.witness.keys import make_key
from odr.witness.rules import read_submission
from odr.witness.serve import WitnessServer
from odr.witness.service import SIZE, Answer
from odr.witness.store import Store
from tests.log.books import ORIGIN, vkey
from tests.witness.logs import LONG, OTHER, get, note, odr, post, serving, submission


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "w"
    make_key(made, "witness.example/w1")
    Store(made).follow(vkey())
    return made


@pytest.fixture
def url(folder: Path):
    with WitnessServer("127.0.0.1", 0, Store(folder), make_key(folder.parent / "x", "witness.example/x")) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join(30)


def test_a_witness_is_made_told_of_a_log_and_answers_it(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    line = odr("witness", "init", folder, "--name", "witness.example/w1").strip()
    odr("witness", "follow", folder, vkey())

    with serving(folder) as (url, _process):
        first, page = post(url, submission(0, 5)), get(url)
        conflict = post(url, submission(0, 8))

    assert line.startswith("witness.example/w1+")
    assert first.status == 200 and first.body.startswith("— witness.example/w1 ".encode())
    assert (conflict.status, conflict.body, conflict.kind) == (409, b"5\n", SIZE)
    assert page[0] == 200 and line in page[1] and f"{ORIGIN}  5" in page[1]


def test_a_running_witness_takes_up_what_it_is_told(folder: Path, url: str) -> None:
    other = "evenhand/ffffffffffffffffffffffffffffffff"
    assert post(url, submission(0, 5, origin=other)).status == 404

    Store(folder).follow(vkey(1, other))

    assert post(url, submission(0, 5, origin=other)).status == 200


@pytest.mark.parametrize(
    ("raw", "path", "headers", "status"),
    [
        (b"x" * 150_000, "/add-checkpoint", {}, 413),
        (b"", "/add-checkpoint", {"Content-Length": "-1"}, 411),
        (b"", "/add-checkpoint", {"Content-Length": "\u00b2"}, 411),
        (b"0\r\n\r\n", "/add-checkpoint", {"Transfer-Encoding": "chunked"}, 411),
        (submission(0, 5), "/", {}, 404),
        (submission(0, 5), "/add-checkpoint/", {}, 404),
        (b"hello", "/add-checkpoint", {}, 400),
    ],
)
def test_what_is_no_request_is_turned_down(
    url: str, raw: bytes, path: str, headers: dict[str, str], status: int
) -> None:
    try:
        answer = post(url, raw, path, **headers)
    except (BrokenPipeError, ConnectionResetError):
        # It hung up while we were still sending, which is an answer, too.
        answer = Answer(413, b"")
    assert answer.status == status
    assert post(url, submission(0, 5)).status == 200


def test_one_connection_asks_many_times(url: str) -> None:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    connection.connect()
    held = connection.sock
    for old, new in ((0, 3), (3, 5), (5, 8)):
        connection.request("POST", "/add-checkpoint", submission(old, new))
        with connection.getresponse() as answer:
            assert answer.status == 200 and answer.read()
    assert connection.sock is held
    connection.close()


def test_more_connections_than_there_are_places_do_not_keep_the_witness_from_answering_later(url: str) -> None:
    address = urlsplit(url)
    held = [socket.create_connection((address.hostname, address.port), timeout=30) for _ in range(100)]
    for connection in held:
        connection.close()

    for _attempt in range(200):
        try:
            assert post(url, submission(0, 5)).status == 200
            return
        except OSError:
            continue
    pytest.fail("it never answered again")


def test_two_processes_on_one_folder_sign_one_history(folder: Path) -> None:
    """§4 case 49, across processes."""
    with serving(folder) as (one, _), serving(folder) as (two, _):
        assert post(one, submission(0, 8)).status == 200
        asks = [(url, submission(8, new, book)) for new in (20, 21, 22) for url, book in ((one, LONG), (two, OTHER))]
        with ThreadPoolExecutor(6) as crew:
            answers = list(crew.map(lambda ask: post(*ask).status, asks))

    signed = {read_submission(raw).note for (_url, raw), status in zip(asks, answers, strict=True) if status == 200}
    assert signed == {Store(folder).last(ORIGIN)[1]}


def test_whatever_moment_it_is_killed_in_it_remembers_all_that_it_signed(folder: Path) -> None:
    """§4 case 49, 57: what was answered is remembered, and what was remembered is a whole checkpoint."""
    signed = 0
    for life in range(4):
        with serving(folder) as (url, process):
            # Several ask at once, and it dies in the middle of it, a little later in each life.
            with ThreadPoolExecutor(4) as crew:
                asked = [crew.submit(_grow, url, folder) for _ in range(8)]
                for one in asked[: life * 2]:
                    signed = max(signed, one.result())
                process.kill()
                signed = max([signed, *(one.result() for one in asked)])
        last = Store(folder).last(ORIGIN)
        assert (last[0].size if last else 0) >= signed
        assert last is None or last[1] == note(last[0].size)
        assert last is None or text_of(last[1])

    with serving(folder) as (url, _process):
        size = Store(folder).last(ORIGIN)[0].size
        assert post(url, submission(size, 40)).status == 200


def _grow(url: str, folder: Path) -> int:
    """Have the next few sizes signed; answers the largest for which a line came back."""
    done = 0
    for _step in range(4):
        last = Store(folder).last(ORIGIN)
        size = last[0].size if last else 0
        if size >= 39:
            return done
        try:
            if post(url, submission(size, size + 1)).status == 200:
                done = size + 1
        except OSError:
            return done
    return done
