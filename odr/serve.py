"""Serving a house: a web server with the worker beside it, started, watched and ended as one."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from odr.app import create_app
from odr.config import ConfigError, as_environment
from odr.database import open_engine
from odr.house import Settings
from odr.migrations.service import is_current, migrate

LONGEST_REST = 60.0

# A thread waits for each form that somebody sends slowly: with a handful of them one stranger could keep everybody out.
# Idle ones end; how many reach the database at a time, the pool of connections says.
THREADS = 256

journal = logging.getLogger("odr.serve")


def prepare(settings: Settings) -> None:
    """Make the folders and, where the database is embedded, its tables. Raises ConfigError when the tables of a
    database server are not those of this release: several machines may use it, so migrating it is a step of its own.
    """
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = open_engine(settings.database_url)
    if engine.dialect.name == "sqlite" and engine.url.database:
        # Before SQLite makes it itself, for every user to read.
        os.close(os.open(engine.url.database, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        if engine.dialect.name == "sqlite":
            migrate(engine)
        elif not is_current(engine):
            raise ConfigError("The database has not the tables of this release: run `odr migrate`.")
    finally:
        engine.dispose()


def require_standing(settings: Settings) -> None:
    """Raise ConfigError unless there is a house with the tables of this release under these settings."""
    engine = open_engine(settings.database_url)
    try:
        if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
            raise ConfigError(f"There is no house in {settings.instance} yet; `odr serve` opens one.")
        if not is_current(engine):
            raise ConfigError("The database has not the tables of this release: run `odr migrate`.")
    finally:
        engine.dispose()


def serve(settings: Settings, *, processes: int, threads: int, with_worker: bool) -> None:
    """Serve until a signal says stop. The processes of the server and the worker read these very settings."""
    os.environ.update(as_environment(settings))
    worker = WatchedWorker() if with_worker else None
    if worker:
        worker.start()
    try:
        Granian(
            "odr.serve:app_of_server",
            factory=True,
            interface=Interfaces.WSGI,
            address=settings.host,
            port=settings.port,
            workers=processes,
            blocking_threads=threads,
            respawn_failed_workers=True,
            websockets=False,
            # Its warnings are about this many threads.
            log_level=LogLevels.error,
        ).serve()
    finally:
        if worker:
            worker.stop()


def app_of_server() -> Flask:
    """The application in a server process, which ends when the process that opened the house is gone, however hard it
    went: otherwise pages would go on being served with no worker, no deadline and no mail."""
    threading.Thread(target=_end_with, args=(os.getppid(),), name="opener-watch", daemon=True).start()
    return create_app()


def _end_with(opener: int) -> None:
    pause = threading.Event()
    while os.getppid() == opener:
        pause.wait(1)
    os.kill(os.getpid(), signal.SIGTERM)


class WatchedWorker:
    """The worker as a process of its own: started again when it ends by itself, ended together with the server."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="worker-watch", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = self._launch()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._process and self._process.poll() is None:
            self._process.terminate()
        self._thread.join(30)

    def _watch(self) -> None:
        rest = 1.0
        while self._process:
            code = self._process.wait()
            if self._stopping.is_set():
                return
            journal.error("the worker ended by itself with code %s and is started again in %.0f s", code, rest)
            if self._stopping.wait(rest):
                return
            rest = min(rest * 2, LONGEST_REST)
            self._process = self._launch()

    @staticmethod
    def _launch() -> subprocess.Popen[bytes]:
        # The open standard input is the thread of its life: when this process dies, however hard, the worker reads
        # the end of it and stops, so that no worker is left behind.
        return subprocess.Popen([sys.executable, "-m", "odr", "worker", "--watched"], stdin=subprocess.PIPE)
