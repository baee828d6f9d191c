"""A disk that is full in the midst of anything: what was acknowledged stays, what was not leaves nothing, and the house
goes on when there is room again."""

from __future__ import annotations

import io
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import SQLAlchemyError

from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_pseudonym
from odr.log.halt import read_published
from odr.log.integrator import seal_all
from odr.procedure.rules import send_message
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute

# Whoever pushes a write past the limit of a process gets the same error as from a full disk, one byte later.
pytestmark = pytest.mark.one_database

PAGE = 4_096


@contextmanager
def no_file_longer_than(length: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def told(house: House) -> ADispute:
    told = a_dispute(house).admitted().contested()
    seal_all(house)
    # With an empty write-ahead log the first write of an act is the first to fail.
    with house.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    return told


def message(told: ADispute) -> None:
    told.act(send_message, told.buyer, text="When may I expect an answer?")


def upload(told: ADispute) -> None:
    held = io.BytesIO(b"a letter of the seller\n" * 5_000)
    take_in(told.house, told.id, told.buyer, key=new_pseudonym(), arriving=held, name="letter.txt", about="A letter.")


def seal(told: ADispute) -> None:
    seal_all(told.house)


@pytest.mark.parametrize("deed", [message, upload], ids=["an act", "an upload"])
def test_a_disk_full_at_any_write_of_an_act_loses_nothing(
    house: House, told: ADispute, deed: Callable[[ADispute], None]
) -> None:
    """§4 case 58."""
    failed = 0
    for pages in range(0, 200, 2):
        before = verify_house(house).entries
        try:
            with no_file_longer_than(pages * PAGE // 2):
                deed(told)
        except (OSError, SQLAlchemyError):
            failed += 1
            after = verify_house(house)
            assert (after.findings, after.entries) == ([], before), pages
        else:
            break

    assert failed > 1
    after = verify_house(house)
    assert after.findings == [] and after.entries > before


def test_a_disk_full_at_any_write_of_a_checkpoint_forks_nothing(house: House, told: ADispute) -> None:
    """§4 case 58: between tree, checkpoint and the copy outside."""
    failed = 0
    for bytes_left in [*range(0, 300, 60), *range(PAGE, 60 * PAGE, PAGE // 2)]:
        message(told)
        try:
            with no_file_longer_than(bytes_left):
                seal(told)
        except (OSError, SQLAlchemyError):
            failed += 1
            assert verify_house(house).findings == [], bytes_left
        else:
            break

    assert failed > 1
    seal(told)
    verified = verify_house(house)
    note = read_published(house.settings)
    assert verified.findings == [] and verified.size == verified.entries
    assert note is not None and f"\n{verified.size}\n".encode() in note
