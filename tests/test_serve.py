"""`odr serve`: one command opens a house, its worker is watched, and one signal closes all of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import psutil
import pytest

PATIENCE = 60

pytestmark = pytest.mark.slow


@dataclass
class Opened:
    """A house served by a process of its own, in a process group of its own."""

    url: str
    process: subprocess.Popen[bytes]

    def worker(self) -> psutil.Process | None:
        """The worker beside the server, as soon as there is one."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if "worker" in _command(child)), None)

    def everybody(self) -> list[psutil.Process]:
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]


def _command(process: psutil.Process) -> list[str]:
    # One that has died and is not yet buried has no command any more.
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Opened]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("ODR_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "odr", "--instance", str(tmp_path / "instance"), "serve", "--port", str(port)],
        env=quiet, cwd=Path(__file__).parent.parent, start_new_session=True,
    )  # fmt: skip
    opened = Opened(f"http://127.0.0.1:{port}", process)
    try:
        yield opened
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def test_one_command_opens_a_house_from_nothing_and_one_signal_closes_it(house):
    eventually(lambda: status_of(house.url + "/health") == 200)
    assert status_of(house.url + "/") == 200
    everybody = house.everybody()

    house.process.send_signal(signal.SIGTERM)

    assert house.process.wait(PATIENCE) == 0
    assert gone(everybody)


def test_a_worker_that_dies_is_started_again(house):
    eventually(lambda: status_of(house.url + "/health") == 200)
    first = house.worker()

    first.kill()

    eventually(lambda: house.worker() not in (None, first))


def test_whoever_sends_slowly_keeps_nobody_out(house):
    eventually(lambda: status_of(house.url + "/health") == 200)
    there = (urlsplit(house.url).hostname, urlsplit(house.url).port)

    with ExitStack() as senders:
        for _ in range(200):
            sender = senders.enter_context(socket.create_connection(there))
            sender.sendall(b"POST /session/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n")
            sender.sendall(b"Content-Type: application/x-www-form-urlencoded\r\n\r\na")

        assert status_of(house.url + "/health") == 200


def test_nobody_is_left_behind_when_the_house_dies_hard(house):
    eventually(lambda: status_of(house.url + "/health") == 200)
    everybody = house.everybody()

    house.process.kill()

    assert gone(everybody)


def status_of(url: str) -> int | None:
    """What `url` answers with, None while nobody listens there."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except (URLError, ConnectionError):
        return None


def eventually(holds: Callable[[], object]) -> None:
    """Wait for what another process does; only the patience is measured, never the speed."""
    until, pause = time.monotonic() + PATIENCE, threading.Event()
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        pause.wait(0.1)


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    # Whoever nobody buries stays in the table for a while, and does nothing any more.
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive if process.is_running())
