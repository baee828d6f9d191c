"""What the doctor says about a policy and its witnesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from odr.house import House
from odr.log.integrator import seal_all
from tests.builders import a_dispute
from tests.log.test_halt import doctors_look
from tests.witness.peers import a_witness, answering, log_line, with_policy

pytestmark = pytest.mark.one_database


def said(house: House, words: str) -> tuple[bool, bool]:
    """Whether the one sentence with these words says that all is well, and whether it is grave."""
    (finding,) = [found for found in doctors_look(house) if words in found.sentence]
    return finding.ok, finding.grave


def test_without_a_policy_it_says_that_nobody_watches(house: House) -> None:
    assert said(house, "No witness watches this log") == (True, False)


def test_a_policy_that_cannot_be_followed_is_named_with_its_line(house: House) -> None:
    assert said(with_policy(house, "quorum A\n"), "Line 1 of the policy: nothing above it is called A.") == (
        False,
        True,
    )


def test_a_policy_that_is_gone_is_grave(house: House) -> None:
    gone = with_policy(house, "")
    gone.settings.policy.unlink()

    assert said(gone, "cannot be read") == (False, True)


def test_it_asks_whether_each_witness_answers(house: House, tmp_path: Path) -> None:
    one, two, three, four = (a_witness(house, tmp_path / name, name) for name in ("one", "two", "three", "four"))
    with answering(one.peer):
        lines = [
            log_line(house),
            one.line("A"),
            two.line("B", "http://127.0.0.1:1"),
            three.line("C", ""),
            four.line("D", "http://witness.example"),
            "quorum A\n",
        ]
        asked = with_policy(house, "".join(lines))

        assert said(asked, "witnesses that it names: 4") == (True, False)
        assert said(asked, "one.example/w answers") == (True, False)
        assert said(asked, "two.example/w does not answer") == (False, False)
        assert said(asked, "no address of three.example/w") == (False, False)
        assert said(asked, "four.example/w is not asked") == (False, False)


def test_it_says_since_when_the_quorum_is_missing(house: House, tmp_path: Path) -> None:
    watched = with_policy(house, log_line(house) + a_witness(house, tmp_path / "w", "one").line("A", "") + "quorum A\n")
    a_dispute(watched)
    seal_all(watched)

    assert said(watched, "quorum of witnesses is missing since 2026-03-02 09:00 UTC") == (False, False)


def test_a_policy_without_a_key_of_this_log_is_of_use_to_nobody(house: House) -> None:
    assert said(with_policy(house, "quorum none\n"), "names no key of this log") == (False, False)
