"""`odr verify`: the log, the stored files and the lists of one house, all in one reading; and an edition of figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from odr.database import one_moment
from odr.disputes.rebuild import all_counted_as_of, compare
from odr.evidence.verify import verify_files
from odr.house import House
from odr.kernel import Missing
from odr.log.tables import any_text
from odr.log.verify import CODES, Finding, Verified, root_of_entries, verify_log
from odr.statistics.queries import edition_numbered, stored_digest, stored_editions
from odr.statistics.records import Edition, recut

SOUND, TAMPERED, CANNOT_TELL = 0, 1, 2


def verify_house(house: House) -> Verified:
    """Everything that can be checked from inside the house. Reads one moment of the database, whatever is written
    meanwhile."""
    with one_moment(house.engine) as connection:
        return verify_within(connection, house)


def verify_within(connection: Connection, house: House) -> Verified:
    """The same within a transaction that the caller holds."""
    with any_text(connection):
        return _verify_all(connection, house)


def _verify_all(connection: Connection, house: House) -> Verified:
    verified = verify_log(connection, house)
    findings = [*verified.findings, *verify_files(connection, house, house.clock())]
    findings += compare_digests(connection)
    # Rows folded from entries that are themselves in doubt would only repeat the doubt.
    if not any(finding.code in ("entry_malformed", "stream_gap") for finding in findings):
        findings += compare(connection, house)
    return replace(verified, findings=findings)


def compare_digests(connection: Connection) -> Iterator[Finding]:
    """Every edition of the figures that is not as it was cut; whether it was cut right, `verify_edition` says."""
    for number, digest, edition in stored_editions(connection):
        if (edition.head.number, edition.digest) != (number, digest):
            yield Finding("edition_changed", expected=f"{number} {digest}", found=edition.digest)


def verify_edition(house: House, number: int) -> list[Finding]:
    """Count an edition of the figures again, from entries alone, and compare it byte by byte. Raises Missing."""
    with one_moment(house.engine) as connection:
        stored = edition_numbered(connection, number)
        if stored is None:
            raise Missing(str(number))
        return list(_compare_edition(connection, house, stored, stored_digest(connection, number)))


def _compare_edition(connection: Connection, house: House, stored: Edition, digest: str | None) -> Iterator[Finding]:
    number, size = stored.head.number, stored.head.size
    if stored.digest != digest:
        yield Finding("edition_changed", expected=digest, found=stored.digest)
    previous = edition_numbered(connection, number - 1)
    if number > 1 and previous is None:
        yield Finding("edition_missing", expected=str(number - 1))
    tree_root = root_of_entries(connection, size).hex()
    if tree_root != stored.head.root:
        yield Finding("edition_root_differs", position=size, expected=tree_root, found=stored.head.root)
    again = recut(stored, all_counted_as_of(connection, house, size), previous)
    if again.body != stored.body:
        yield Finding("edition_differs", expected=again.digest, found=stored.digest)


def as_json(verified: Verified) -> dict[str, Any]:
    """The result for machines: size, root (hex), entries, and the findings with their codes."""
    return {
        "size": verified.size,
        "root": verified.root.hex(),
        "entries": verified.entries,
        "findings": [{**asdict(finding), "meaning": CODES[finding.code]} for finding in verified.findings],
    }


def exit_status(findings: list[Finding]) -> int:
    """1 when something is wrong; 2 when all that is wrong is that words could not be opened; 0 when all is sound."""
    if not findings:
        return SOUND
    # With another house's key nothing can be told about the words; every other finding is a certainty.
    only_keys = all(finding.found == "key_of_another_house" for finding in findings)
    return CANNOT_TELL if only_keys else TAMPERED
