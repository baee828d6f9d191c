"""`odr serve`: one command opens a house, and one signal closes all of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest


def a_free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def answer_of(url: str, *, patience: float = 60) -> int:
    """The status that `url` answers with, as soon as somebody listens there."""
    until = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status)
        except (URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.mark.slow
def test_one_command_opens_a_house_from_nothing_and_one_signal_closes_it(tmp_path: Path):
    port = a_free_port()
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("ODR_")}
    house = subprocess.Popen(
        [sys.executable, "-m", "odr", "--instance", str(tmp_path / "instance"), "serve", "--port", str(port)],
        env=quiet, cwd=Path(__file__).parent.parent, start_new_session=True,
    )  # fmt: skip
    try:
        assert answer_of(f"http://127.0.0.1:{port}/health") == 200
        assert answer_of(f"http://127.0.0.1:{port}/") == 200

        house.send_signal(signal.SIGTERM)

        assert house.wait(40) == 0
        assert nobody_left_of(house.pid)
    finally:
        if not nobody_left_of(house.pid):
            os.killpg(house.pid, signal.SIGKILL)


def nobody_left_of(session: int) -> bool:
    """Whether the processes that the house started are gone too; they share its session."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return True
    return False
