"""A log handed out is what the verifier calls sound, and whatever was done to the database first is named by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool

from odr.database import one_moment
from odr.house import House
from odr.log import offline, tables
from odr.log.integrator import integrate, publish, seal_all
from odr.log.journal import read_stream
from odr.log.note import vkey
from odr.log.payloads import reveal
from odr.log.publication import Unpublished, publish_files, receipt_of, tile_path
from odr.log.tables import APPEND_ONLY
from tests.builders import ADispute, a_dispute


def published(house: House, folder: Path) -> Path:
    with one_moment(house.engine) as connection:
        publish_files(connection, house, folder)
    return folder


def refusal(house: House, folder: Path) -> str:
    with pytest.raises(Unpublished) as found:
        published(house, folder)
    return found.value.code


@pytest.fixture
def verify(house: House, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def run(*arguments: object) -> dict[str, Any]:
        offline.main([*map(str, arguments), "--json", "--key", vkey(house.origin, house.keys.public_key)])
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    return run


@pytest.fixture
def disputed(house: House) -> ADispute:
    """A dispute with a history, and enough of another for a full tile."""
    told = a_dispute(house).in_negotiation()
    for _ in range(2):
        other = a_dispute(house).in_negotiation()
        for step in range(130):
            other.offer(other.seller if step % 2 else other.buyer, "10.00")
    seal_all(house)
    return told


def test_a_published_log_is_sound_for_whoever_does_not_trust_the_house(
    house: House, disputed: ADispute, verify: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    told = verify("log", published(house, tmp_path / "log"))

    assert (told["verdict"], told["findings"]) == ("sound", [])
    with house.engine.connect() as connection:
        assert told["seen"]["entries"] == len(connection.execute(select(tables.leaf)).all()) > 256


def test_a_published_log_is_brought_up_to_date(
    house: House, disputed: ADispute, verify: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    folder, state = published(house, tmp_path / "log"), tmp_path / "state"
    assert verify("follow", folder, "--state", state)["verdict"] == "sound"
    a_dispute(house)
    seal_all(house)

    published(house, folder)

    assert verify("follow", folder, "--state", state)["verdict"] == "sound"
    assert verify("log", folder)["verdict"] == "sound"
    assert published(house, folder) == folder


def test_every_entry_has_a_receipt_once_it_is_sealed(
    house: House, disputed: ADispute, verify: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    later = a_dispute(house)
    with house.engine.connect() as connection:
        history = read_stream(connection, f"dispute/{disputed.id}")
        receipts = [receipt_of(connection, held.entry.stream, held.entry.version) for held in history]
        waiting = receipt_of(connection, f"dispute/{later.id}", 1)
        unknown = receipt_of(connection, "dispute/" + "f" * 32, 1)

    assert waiting is unknown is None
    assert len(receipts) > 3
    for held, receipt in zip(history, receipts, strict=True):
        (tmp_path / "mine.tlog-proof").write_bytes(receipt or b"")
        told = verify("receipt", tmp_path / "mine.tlog-proof")
        assert told["verdict"] == "sound"
        assert (told["seen"]["ver"], told["seen"]["leaf"]) == (held.entry.version, held.seal)


def test_an_entry_integrated_but_not_signed_over_has_no_receipt_yet(house: House, disputed: ADispute) -> None:
    later = a_dispute(house)
    integrate(house)
    with house.engine.connect() as connection:
        before = receipt_of(connection, f"dispute/{later.id}", 1)
    publish(house)
    with house.engine.connect() as connection:
        after = receipt_of(connection, f"dispute/{later.id}", 1)

    assert before is None
    assert after is not None


def test_the_words_of_the_house_open_what_was_published(
    house: House, disputed: ADispute, verify: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    with house.engine.connect() as connection:
        rows = connection.execute(select(tables.payload)).all()
    words = [
        {
            "stream": row.stream,
            "ver": row.ver,
            "name": row.name,
            "salt": bytes(row.salt).hex(),
            "payload": reveal(house.keys, row.stream, row.ver, row.name, row.wrapped_key, row.sealed).decode(),
        }
        for row in rows
    ]
    (tmp_path / "words").write_text("".join(f"{json.dumps(one)}\n" for one in words))

    told = verify("log", published(house, tmp_path / "log"), "--openings", tmp_path / "words")

    assert told["findings"] == []
    assert told["seen"]["opened"] == told["seen"]["commitments"] == len(rows) > 0


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("DELETE FROM entry WHERE stream = :stream AND ver = 2", "entries_missing"),
        ("DELETE FROM leaf WHERE position > 200", "entries_missing"),
        (
            "UPDATE entry SET raw = salt FROM payload WHERE entry.stream = :stream AND entry.ver = 2",
            "checkpoint_differs",
        ),
        ("UPDATE entry SET raw = :raw WHERE stream = :stream AND ver = 2", "checkpoint_differs"),
        ("UPDATE checkpoint SET note = substr(note, 1, 90)", "checkpoint_differs"),
        ("DELETE FROM checkpoint", "no_checkpoint"),
    ],
)
def test_a_log_that_was_tampered_with_is_not_handed_out(
    house: House, disputed: ADispute, tmp_path: Path, deed: str, code: str
) -> None:
    do(house, deed, disputed)

    assert refusal(house, tmp_path / "log") == code
    assert not (tmp_path / "log" / "checkpoint").exists()


def test_a_rewritten_history_does_not_go_where_the_true_one_lies(
    house: House, disputed: ADispute, tmp_path: Path
) -> None:
    folder = published(house, tmp_path / "log")
    do(house, "UPDATE entry SET raw = salt FROM payload WHERE entry.stream = :stream AND entry.ver = 2", disputed)

    assert refusal(house, folder) == "another_log"


def test_only_a_folder_of_this_log_is_written_to(house: House, disputed: ADispute, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary").write_text("private")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "checkpoint").write_text("another\n1\n\n")

    assert refusal(house, tmp_path / "mine") == refusal(house, tmp_path / "theirs") == "another_log"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["diary"]


def test_files_are_named_as_the_standard_names_them() -> None:
    for level, number, width in [(0, 0, 256), (1, 255, 3), ("entries", 1_234_067, 256), (2, 1_000, 17), (0, 10**9, 1)]:
        assert tile_path(level, number, width) == offline.tile_path(level, number, width)
    assert tile_path("entries", 1_234_067, 7) == "tile/entries/x001/x234/067.p/7"


def do(house: House, deed: str, told: ADispute) -> None:
    """Somebody opens the database with another program and can do everything to it."""
    engine = create_engine(house.settings.database_url, poolclass=NullPool)
    given = {"stream": f"dispute/{told.id}", "raw": bytes(70_000)}
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            for table in APPEND_ONLY:
                for verb in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {table.name}_no_{verb}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        done = connection.execute(text(deed), {name: value for name, value in given.items() if f":{name}" in deed})
        assert done.rowcount, "the deed must have hit something"
