"""After an erasure no file of a real house holds anything of what was erased, whatever was read and done before.

§4 case 32: words left behind in the database, its write-ahead log, free pages, files, caches or logs.
"""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import Cookie, CookieJar
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from sqlalchemy import select

from odr.app import create_app
from odr.config import load
from odr.database import write_unit
from odr.disputes.records import stream_of
from odr.erasure import queries, service
from odr.house import House
from odr.kernel import real_clock
from odr.log import tables as log
from odr.people.queries import account_by_id
from odr.people.service import open_account, start_session
from odr.procedure import rules as procedure
from odr.serve import prepare
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute
from tests.erasure.conftest import paper
from tests.test_serve import eventually, status_of

pytestmark = pytest.mark.slow

DAY = 86_400_000
WORDS = {
    "narrative": "canary-narrative: two lights never arrived",
    "message": "canary-message: where is my parcel",
    "file": "canary-file: a promise in writing",
    "about": "canary-about: what was promised",
    "name": "canary-name.txt",
}
ADDRESS, PERSON = "canary.address@example.org", "Canary Person"


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def past(instance: Path) -> Iterator[Flask]:
    """The house as it was seventy days ago."""
    settings = load(overrides={"instance": instance})
    prepare(settings)
    app = create_app(settings, lambda: real_clock() - 70 * DAY)
    yield app
    app.extensions["odr"].engine.dispose()


@pytest.fixture
def disputed(past: Flask) -> tuple[ADispute, str]:
    """A dispute full of canaries among many others, so that its rows have moved from page to page; and its buyer."""
    house: House = past.extensions["odr"]
    account_id = write_unit(
        house.engine,
        lambda connection: open_account(connection, house, email=ADDRESS, name=PERSON, at=house.clock()),
    )
    disputes = [crowd(house) for _ in range(12)]
    texts = {**disputes[0].filing.texts, "narrative": WORDS["narrative"]}
    dispute = a_dispute(house, buyer_account=account_id, texts=texts).admitted()
    disputes += [crowd(house) for _ in range(12)]
    paper(dispute, dispute.buyer, WORDS["file"].encode(), name=WORDS["name"], about=WORDS["about"])
    dispute.contested()
    dispute.act(procedure.send_message, dispute.buyer, text=WORDS["message"])
    for other in disputes:
        other.act(procedure.send_message, other.seller, text="We look into it. " * 90)
    dispute.act(procedure.withdraw_dispute, dispute.buyer, text=WORDS["message"])
    return dispute, account_id


def crowd(house: House) -> ADispute:
    dispute = a_dispute(house).admitted()
    dispute.act(procedure.send_message, dispute.buyer, text="Is anybody there? " * 40)
    return dispute


def secrets_of(house: House, dispute: ADispute) -> dict[str, bytes]:
    """Every byte string that would help to read the buyer's words, or to guess them, by what it is."""
    stream, found = stream_of(dispute.id), {}
    with house.engine.connect() as connection:
        own = {each.version for each in queries.written_in(connection, dispute.id) if each.actor == dispute.buyer.id}
        for row in connection.execute(select(log.payload).where(log.payload.c.stream == stream)):
            if row.ver in own:
                what = f"{row.ver}/{row.name}"
                found |= {f"salt {what}": row.salt, f"key {what}": row.wrapped_key, f"words {what}": row.sealed}
        for row in connection.execute(select(log.stored_file).where(log.stored_file.c.stream == stream)):
            found[f"key of file {row.ver}"] = row.wrapped_key
            [place] = house.settings.files.glob(f"objects/*/{row.object_id}")
            found[f"file {row.ver}"] = place.read_bytes()[40:]
        for row in connection.execute(select(log.idempotency).where(log.idempotency.c.actor == dispute.buyer.id)):
            if any(row.first <= version <= row.last for version in own):
                found |= {f"salt of act {row.first}": row.salt, f"MAC of act {row.first}": row.body_mac}
    return found | {"address": ADDRESS.encode(), "person": PERSON.encode()}


def residue(instance: Path, needles: dict[str, bytes], *more: Path) -> dict[str, list[str]]:
    """Where each of these is found: in every file of the house but the letters that have left it, and in its output.

    In a copy that another process makes: whoever opens and closes a database's file beside SQLite drops the locks that
    this process has on it.
    """
    found: dict[str, list[str]] = {}
    with TemporaryDirectory() as aside:
        subprocess.run(["cp", "-r", str(instance), aside], check=True)
        copied = Path(aside) / instance.name
        files = [path for path in copied.rglob("*") if path.is_file() and "mail" not in path.relative_to(copied).parts]
        for path in (*files, *more):
            held = path.read_bytes()
            for what, needle in needles.items():
                if needle in held:
                    found.setdefault(what, []).append(path.name)
    return found


def test_nothing_is_left_of_what_was_erased_in_any_file_of_the_house(instance, past, disputed, tmp_path):
    dispute, account_id = disputed
    house: House = past.extensions["odr"]
    needles = secrets_of(house, dispute)
    plain = {name: words.encode() for name, words in WORDS.items()}
    assert residue(instance, needles).keys() == needles.keys()
    assert residue(instance, plain) == {}
    now = real_clock()
    cookie = write_unit(house.engine, lambda connection: start_session(connection, account_id, "Test", now))
    output = tmp_path / "output"

    with output.open("wb") as told:
        url, served = serve(instance, told)
        try:
            eventually(lambda: status_of(f"{url}/health") == 200)
            browser = reader(url, cookie)
            page = browser(f"/disputes/{dispute.number}")
            assert all(words in page for name, words in WORDS.items() if name not in ("file", "name"))
            assert browser(f"/disputes/{dispute.number}/evidence/1") == WORDS["file"]
            assert browser("/account/data/copy", raw=True).startswith(b"PK")
            browser(f"/disputes/{dispute.number}/case-file", raw=True)
            form = browser("/account/data/erasure")
            token = re.search(r'name="csrf_token" value="([^"]+)"', form)[1]
            asked = browser("/account/data/erasure", {"csrf_token": token, "email": ADDRESS})
            assert "You asked for it on" in asked
            eventually(lambda: is_gone(house, account_id) and not (instance / "to-scrub").exists())
            assert residue(instance, needles | plain, output) == {}
        finally:
            served.terminate()
            served.wait(60)

    assert residue(instance, needles | plain, output) == {}
    assert verify_house(house).findings == []


def is_gone(house: House, account_id: str) -> bool:
    with house.engine.connect() as connection:
        return account_by_id(connection, account_id) is None


def serve(instance: Path, output) -> tuple[str, subprocess.Popen[bytes]]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("ODR_")}
    quiet["ODR_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "odr", "--instance", str(instance), "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=quiet, stdout=output, stderr=output, cwd=Path(__file__).parents[2])
    return quiet["ODR_PUBLIC_URL"], process


def reader(url: str, cookie: str):
    """A browser with a session, as far as this test needs one."""
    jar = CookieJar()
    host = urllib.parse.urlsplit(url).hostname
    jar.set_cookie(
        Cookie(0, "odr", cookie, None, False, host, True, False, "/", True, False, None, True, None, None, {})
    )
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def browse(path: str, form: dict[str, str] | None = None, *, raw: bool = False):
        body = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(url + path, body, {"Origin": url})
        with opener.open(request, timeout=60) as answer:
            held = answer.read()
        return held if raw else held.decode()

    return browse


@pytest.mark.one_database
def test_copies_of_rows_in_pages_that_were_split_are_cleared_too(house, settings):
    """SQLite blanks a deleted row where it lies; what a page kept of rows that moved elsewhere it does not know."""
    rng = random.Random(1)
    streams = [f"dispute/{rng.getrandbits(128):032x}" for _ in range(60)]
    rows = [(stream, version, name) for stream in streams for version in range(12) for name in ("text", "about")]
    rng.shuffle(rows)
    salts = {row: os.urandom(32) for row in rows}
    with house.engine.begin() as connection:
        driver = connection.connection.driver_connection
        driver.execute("COMMIT")
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("BEGIN")
        for row in rows:
            words = os.urandom(rng.choice([40, 200, 900, 3_000, 9_000]))
            driver.execute("INSERT INTO payload VALUES (?, ?, ?, ?, ?, ?)", (*row, salts[row], os.urandom(60), words))
    gone = [row for row in rows if row[0] in streams[:10]]
    with house.engine.begin() as connection:
        for row in gone:
            connection.exec_driver_sql("DELETE FROM payload WHERE stream = ? AND ver = ? AND name = ?", row)

    assert left_in(house, settings, [salts[row] for row in gone]) > 0, "this SQLite needs no scrubbing"
    assert service.scrub(house)
    assert left_in(house, settings, [salts[row] for row in gone]) == 0
    assert left_in(house, settings, list(salts.values())) == len(rows) - len(gone)


def left_in(house, settings, needles: list[bytes]) -> int:
    """How many of these are in the files of the database, which nobody has open meanwhile."""
    house.engine.dispose()
    held = b"".join(path.read_bytes() for path in settings.instance.glob("odr.sqlite*"))
    return sum(needle in held for needle in needles)
