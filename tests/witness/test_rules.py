"""What a witness signs and what it turns down, status by status of C2SP tlog-witness."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odr.log import note as notes
from odr.log.keys import KeyTrouble, verifier
from odr.log.note import COSIGNATURE, cosigner, find_cosignature, key_id, signature_line, text_of
from odr.witness import store
from odr.witness.keys import WitnessKey, load_key, make_key
from odr.witness.rules import Declined, read_submission
from odr.witness.service import SIZE, Answer, add_checkpoint, described
from odr.witness.store import STATE, Store
from tests.log.books import ORIGIN, STREAMS, a_book, key, vkey
from tests.witness.logs import LONG, OTHER, body, note, path, root, submission

AT = 1_772_442_000


class AWitness:
    """A witness in a folder of its own that follows the log of the tests."""

    def __init__(self, folder: Path) -> None:
        self.key: WitnessKey = make_key(folder, "witness.example/w1")
        self.store = Store(folder)
        self.store.follow(vkey())
        self.at = AT

    def asked(self, raw: bytes) -> Answer:
        return add_checkpoint(self.store, self.key, raw, lambda: self.at + 0.7)

    @property
    def verifier(self) -> notes.Verifier:
        return cosigner(self.key.name, self.key.public_key, verifier("", self.key.public_key).verify)

    def signed(self, raw: bytes) -> int:
        """The time at which it signed what was sent; it must have."""
        answer = self.asked(raw)
        assert answer.status == 200, answer
        text = text_of(read_submission(raw).note)
        return find_cosignature(text, answer.body, self.verifier).at

    @property
    def size(self) -> int:
        last = self.store.last(ORIGIN)
        return last[0].size if last else 0


@pytest.fixture
def witness(tmp_path: Path) -> AWitness:
    return AWitness(tmp_path / "w")


def test_the_request_of_the_standards_example_is_read() -> None:
    raw = (
        "old 20852014\n"
        "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
        "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
        "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
        "\n"
        "example.com/behind-the-sofa\n"
        "20852163\n"
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        "\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"  # noqa: E501
    ).encode()

    read = read_submission(raw)

    assert read.old == 20852014 and len(read.path) == 4
    assert base64.b64encode(read.path[3]) == b"/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0="
    assert read.note.startswith(b"example.com/behind-the-sofa\n20852163\n")


def test_a_log_that_grows_is_signed_again_and_again(witness: AWitness) -> None:
    assert witness.signed(submission(0, 3)) == AT
    witness.at += 60
    assert witness.signed(submission(3, 5)) == AT + 60
    assert witness.signed(submission(5, 40)) == AT + 60
    assert witness.size == 40


def test_the_same_checkpoint_is_signed_again_with_a_new_time(witness: AWitness) -> None:
    witness.signed(submission(0, 5))
    witness.at += 3_600

    assert witness.signed(submission(5, 5)) == AT + 3_600


def test_the_answer_is_the_line_of_this_witness_and_nothing_else(witness: AWitness) -> None:
    answer = witness.asked(submission(0, 5))

    name = "witness.example/w1"
    assert answer.body.startswith(f"— {name} ".encode()) and answer.body.count(b"\n") == 1
    stamp = base64.b64decode(answer.body.split(b" ")[2])
    assert stamp[:4] == key_id(name, witness.key.public_key, COSIGNATURE)
    assert int.from_bytes(stamp[4:12], "big") == AT and len(stamp) == 76


def test_a_log_nobody_told_it_of_is_unknown(witness: AWitness) -> None:
    """§4 case 39."""
    other = "evenhand/ffffffffffffffffffffffffffffffff"

    assert witness.asked(submission(0, 3, origin=other)).status == 404


def test_a_checkpoint_that_the_log_did_not_sign_is_forbidden(witness: AWitness) -> None:
    """§4 case 33, 34: a stranger under the log's name, and one with its key's id but another key."""
    text = text_of(note(3))
    public = key(1).public_key().public_bytes_raw()
    with_its_id = text + b"\n" + signature_line(text, ORIGIN, key_id(ORIGIN, public), key(9).sign)

    assert witness.asked(submission(0, 3, seed=9)).status == 403
    assert witness.asked(body(0, [], with_its_id)).status == 403
    assert witness.size == 0


def test_lines_of_unknown_keys_are_passed_over(witness: AWitness) -> None:
    raw = note(3) + signature_line(text_of(note(3)), "somebody", b"abcd", key(9).sign)

    assert witness.asked(body(0, [], raw)).status == 200


def test_both_keys_of_a_log_that_changes_keys_are_believed(witness: AWitness) -> None:
    witness.store.follow(vkey(2))
    witness.signed(submission(0, 3))

    witness.signed(submission(3, 5, seed=2))
    assert witness.store.unfollow(vkey(1)) and not witness.store.unfollow(vkey(1))

    assert witness.asked(submission(5, 8)).status == 403
    witness.signed(submission(5, 8, seed=2))


@pytest.mark.parametrize("old", [0, 2, 4, 39])
def test_another_old_size_is_a_conflict_that_names_the_right_one(witness: AWitness, old: int) -> None:
    """§4 case 46."""
    witness.signed(submission(0, 3))

    answer = witness.asked(submission(old, 40))

    assert (answer.status, answer.body, answer.kind) == (409, b"3\n", SIZE)


def test_a_log_that_was_never_seen_is_of_size_0(witness: AWitness) -> None:
    answer = witness.asked(submission(3, 5))

    assert (answer.status, answer.body, answer.kind) == (409, b"0\n", SIZE)


def test_an_old_size_above_the_new_one_is_a_bad_request(witness: AWitness) -> None:
    witness.signed(submission(0, 5))

    assert witness.asked(body(5, [], note(3))).status == 400


def test_a_shrunken_log_is_not_signed(witness: AWitness) -> None:
    """§4 case 7, 55."""
    witness.signed(submission(0, 8))

    answer = witness.asked(submission(3, 5))

    assert (answer.status, answer.body) == (409, b"8\n")
    assert witness.size == 8


def test_a_fork_is_refused_and_kept_as_evidence(witness: AWitness) -> None:
    """§4 case 8, 35, 44: the real key signs another history of the same size, or one that grew from another."""
    witness.signed(submission(0, 10))

    same_size = witness.asked(submission(10, 10, OTHER))
    grown = witness.asked(submission(10, 20, OTHER))
    also = witness.asked(submission(0, 10, OTHER))

    assert (same_size.status, same_size.body, same_size.kind) == (409, b"10\n", SIZE)
    assert grown.status == 422
    assert also.status == 409
    assert witness.store.last(ORIGIN) == (notes.read_checkpoint(text_of(note(10))), note(10))
    assert witness.store.evidence() == {"fork": 1, "unproven": 1}
    (fork,) = (witness.store.folder / "evidence").glob("fork-10-*")
    assert fork.read_bytes() == note(10) + b"\n" + note(10, OTHER)
    assert "TWO HISTORIES" in described(witness.store, witness.key)
    witness.signed(submission(10, 12))


def line_of_nobody(number: int) -> bytes:
    return f"— nobody.example {base64.b64encode(bytes(67) + bytes([number])).decode()}\n".encode()


def test_a_stranger_cannot_crowd_out_the_proof_of_a_fork(witness: AWitness, monkeypatch: pytest.MonkeyPatch) -> None:
    """§4 case 44: whoever has no more than public checkpoints sends them with false proofs, again and again."""
    monkeypatch.setattr(store, "MOST_KEPT", 3)
    witness.signed(submission(0, 10))

    for number in range(5):
        stranger = note(11 + number) + line_of_nobody(number)
        assert witness.asked(body(10, [bytes(32)], stranger)).status == 422
    witness.asked(submission(10, 10, OTHER))

    assert witness.store.evidence() == {"unproven": 3, "fork": 1}


def test_what_contradicts_nothing_is_no_evidence(witness: AWitness) -> None:
    """§4 case 47: a false proof to the very checkpoint that was signed, and one to the first; and lines of nobody."""
    witness.asked(body(0, [bytes(32)], note(10)))
    witness.signed(submission(0, 10))
    witness.asked(body(10, [bytes(32)], note(10)))
    assert witness.store.evidence() == {}

    for number in range(3):
        witness.asked(body(10, [bytes(32)], note(12) + line_of_nobody(number)))

    assert witness.store.evidence() == {"unproven": 1}


BAD_PROOFS = {
    "none at all": [],
    "one hash short": path(3, 5)[:-1],
    "one hash more": [*path(3, 5), bytes(32)],
    "for another size": path(3, 6),
    "from another size": path(2, 5),
    "of another history": path(9, 20, OTHER),
    "the two in another order": path(3, 5)[::-1],
}


@pytest.mark.parametrize("hashes", BAD_PROOFS.values(), ids=BAD_PROOFS)
def test_a_proof_that_does_not_hold_is_not_signed(witness: AWitness, hashes: list[bytes]) -> None:
    """§4 case 46, 47."""
    witness.signed(submission(0, 3))

    assert witness.asked(body(3, hashes, note(5))).status == 422
    assert witness.size == 3


def test_where_nothing_was_seen_a_proof_must_be_empty(witness: AWitness) -> None:
    assert witness.asked(body(0, [bytes(32)], note(5))).status == 422


def test_a_log_may_be_seen_while_it_is_empty(witness: AWitness) -> None:
    witness.signed(submission(0, 0))
    witness.signed(submission(0, 0))
    witness.signed(submission(0, 5))

    assert witness.size == 5


GOOD = submission(3, 5)
MALFORMED = {
    "nothing": b"",
    "no old line": GOOD.removeprefix(b"old 3\n"),
    "another word": GOOD.replace(b"old", b"new", 1),
    "a leading zero": GOOD.replace(b"old 3", b"old 03", 1),
    "a sign": GOOD.replace(b"old 3", b"old -3", 1),
    "two spaces": GOOD.replace(b"old 3", b"old  3", 1),
    "a carriage return": GOOD.replace(b"old 3\n", b"old 3\r\n", 1),
    "a size of 2^63": GOOD.replace(b"old 3", b"old 9223372036854775808", 1),
    "digits of another script": GOOD.replace(b"old 3", "old \u0663".encode(), 1),
    "a hash of 31 bytes": body(3, [bytes(31)], note(5)),
    "a hash spelled with another last letter": GOOD.replace(b"=\n", b"=x\n", 1),
    "64 hashes": body(3, [bytes(32)] * 64, note(5)),
    "no checkpoint": body(3, path(3, 5), b""),
    "no empty line": GOOD.replace(b"\n\n", b"\n", 1),
    "§4 case 40: an extension line": body(
        0,
        [],
        notes.sign(
            text_of(note(5)) + b"more\n", ORIGIN, key_id(ORIGIN, key(1).public_key().public_bytes_raw()), key(1).sign
        ),
    ),
    "§4 case 41: a size with a leading zero": GOOD.replace(b"\n5\n", b"\n05\n", 1),
    "§4 case 41: 17 signature lines": GOOD + signature_line(text_of(note(5)), "s", b"abcd", key(9).sign) * 16,
    "too long": GOOD + b"x" * 200_000,
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_a_bad_request(witness: AWitness, raw: bytes) -> None:
    witness.signed(submission(0, 3))

    assert witness.asked(raw).status == 400
    assert witness.size == 3


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_single_changed_byte_makes_another_checkpoint_signed(witness: AWitness, data: st.DataObject) -> None:
    witness.store.remember(ORIGIN, note(3))
    at = data.draw(st.integers(0, len(GOOD) - 1))
    changed = bytearray(GOOD)
    changed[at] ^= data.draw(st.integers(1, 255))

    answer = witness.asked(bytes(changed))

    assert answer.status in (400, 403, 404, 409, 422)
    assert witness.size == 3


STEPS = st.lists(st.tuples(st.integers(0, 39), st.integers(1, 39), st.sampled_from(["long", "other"])), max_size=25)


@given(STEPS)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_that_one_witness_ever_signed_is_one_history(witness: AWitness, steps: list[tuple[int, int, str]]) -> None:
    """Whatever a log tries that has both histories to show; the witness of one example goes on in the next."""
    for old, new, which in steps:
        book = LONG if which == "long" else OTHER
        before = witness.store.last(ORIGIN)
        for told in {min(old, new), min(witness.size, new)}:
            answer = witness.asked(submission(told, new, book))
            if answer.status == 200 and before is not None:
                assert new >= before[0].size
                grown_from = LONG if root(before[0].size) == before[0].root else OTHER
                if before[0].size >= 8:
                    assert grown_from is book
            before = witness.store.last(ORIGIN)


# -- what it remembers ----------------------------------------------------------------------------------------------


def test_of_many_that_ask_at_once_one_history_is_signed(witness: AWitness) -> None:
    """§4 case 49: two threads with two histories, both right when they read what was signed last."""
    witness.signed(submission(0, 8))
    asks = [submission(8, new, book) for new in (20, 21, 22, 23) for book in (LONG, OTHER)] * 3
    start = threading.Barrier(8)

    def ask(raw: bytes) -> tuple[bytes, Answer]:
        start.wait(30)
        return raw, witness.asked(raw)

    with ThreadPoolExecutor(8) as crew:
        answers = list(crew.map(ask, asks))

    signed = {read_submission(raw).note for raw, answer in answers if answer.status == 200}
    assert len(signed) == 1
    assert witness.store.last(ORIGIN)[1] in signed
    assert {answer.status for _raw, answer in answers} <= {200, 409, 422}


def test_a_memory_that_cannot_be_read_is_not_taken_for_none(witness: AWitness) -> None:
    witness.signed(submission(0, 8))
    (file,) = (witness.store.folder / STATE).iterdir()
    whole = file.read_bytes()

    for spoilt in (b"", whole[:20], whole.replace(b"8\n", b"08\n"), note(3, origin="evenhand/" + "f" * 32)):
        file.write_bytes(spoilt)
        assert witness.asked(submission(0, 5)).status == 500
        assert file.read_bytes() == spoilt


def test_what_cannot_be_remembered_is_not_signed(witness: AWitness) -> None:
    """§4 case 58: as when the disk is full, which looks like this to a program."""
    witness.signed(submission(0, 3))
    (file,) = (witness.store.folder / STATE).iterdir()
    file.unlink()
    file.mkdir()

    answer = witness.asked(submission(0, 5))

    assert answer.status == 500 and not list(witness.store.folder.glob(".aside*"))


def test_only_this_user_may_read_the_key_and_nothing_replaces_it(tmp_path: Path) -> None:
    made = make_key(tmp_path / "w", "witness.example/w1")
    file = tmp_path / "w" / "witness.key"

    assert file.stat().st_mode & 0o777 == 0o600 and (tmp_path / "w").stat().st_mode & 0o777 == 0o700
    assert load_key(tmp_path / "w").vkey == made.vkey
    assert notes.read_vkey(made.vkey, COSIGNATURE) == ("witness.example/w1", made.public_key)
    with pytest.raises(KeyTrouble, match="already"):
        make_key(tmp_path / "w", "witness.example/w2")
    file.chmod(0o644)
    with pytest.raises(KeyTrouble, match="chmod 600"):
        load_key(tmp_path / "w")
    assert repr(made).count("_private") == 0


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nfeed", "\udcff"])
def test_a_name_that_no_note_can_carry_makes_no_witness(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyTrouble):
        make_key(tmp_path / "w", name)


def test_the_page_says_in_words_what_it_is_and_what_it_saw(witness: AWitness) -> None:
    witness.signed(submission(0, 8))

    page = described(witness.store, witness.key)

    assert witness.key.vkey in page and f"{ORIGIN}  8" in page and "does not say that it is true" in page


def test_a_request_of_another_log_touches_nothing(witness: AWitness) -> None:
    """Two logs in one witness are remembered apart."""
    other = "evenhand/ffffffffffffffffffffffffffffffff"
    witness.store.follow(vkey(2, other))
    book = a_book(4)
    book.write(STREAMS[0])

    witness.signed(submission(0, 8))
    witness.signed(submission(0, 5, book, seed=2, origin=other))

    assert witness.size == 8
    with pytest.raises(Declined):
        read_submission(b"old 1")
