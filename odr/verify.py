"""`odr verify`: the log, the stored files and the lists of one house, all in one reading."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from odr.database import one_moment
from odr.disputes.rebuild import compare
from odr.evidence.verify import verify_files
from odr.house import House
from odr.log.verify import CODES, Finding, Verified, verify_log

SOUND, TAMPERED, CANNOT_TELL = 0, 1, 2


def verify_house(house: House) -> Verified:
    """Everything that can be checked from inside the house. Reads one moment of the database, whatever is written
    meanwhile."""
    with one_moment(house.engine) as connection:
        return verify_within(connection, house)


def verify_within(connection: Connection, house: House) -> Verified:
    """The same within a transaction that the caller holds."""
    verified = verify_log(connection, house)
    findings = [*verified.findings, *verify_files(connection, house, house.clock())]
    # Rows folded from entries that are themselves in doubt would only repeat the doubt.
    if not any(finding.code in ("entry_malformed", "stream_gap") for finding in findings):
        findings += compare(connection, house)
    return replace(verified, findings=findings)


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
