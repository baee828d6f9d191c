"""The policy: read as C2SP tlog-policy has it, and met by the right witnesses only."""

from __future__ import annotations

from itertools import combinations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from odr.log import note
from odr.log.policy import Group, Policy, Unclear, judge, read_policy
from tests.log.books import ORIGIN, a_book, key, vkey

AT = 1_772_442_000


def public(seed: int) -> bytes:
    return key(seed).public_key().public_bytes_raw()


def witness_vkey(seed: int, name: str | None = None) -> str:
    return note.vkey(name or f"witness.example/{seed}", public(seed), note.COSIGNATURE)


def verify_with(public_key: bytes) -> note.Verify:
    def verify(message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


def line_of(raw: bytes, seed: int, *, at: int = AT, name: str | None = None) -> bytes:
    name = name or f"witness.example/{seed}"
    id_ = note.key_id(name, public(seed), note.COSIGNATURE)
    return note.cosignature_line(note.text_of(raw), name, id_, at, key(seed).sign)


def six_witnesses() -> str:
    """The example of the standard: two of three here, and one of three there."""
    lines = [f"log {vkey()}", ""]
    lines += [f"witness X{seed} {witness_vkey(10 + seed)}" for seed in (1, 2, 3)]
    lines += ["group X-witnesses 2 X1 X2 X3", ""]
    lines += [f"witness Y{seed} {witness_vkey(20 + seed)} https://witness.example/{seed}" for seed in (1, 2, 3)]
    lines += ["group Y-witnesses any Y1 Y2 Y3", "", "group X-and-Y all X-witnesses Y-witnesses", "quorum X-and-Y"]
    return "\n".join(lines) + "\n"


def test_the_example_of_the_standard_is_read_whole() -> None:
    policy = read_policy(six_witnesses().encode())

    assert [(log.origin, log.public_key, log.url) for log in policy.logs] == [(ORIGIN, public(1), "")]
    assert [witness.name for witness in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.witnesses[3].url == "https://witness.example/1"
    assert policy.groups == (
        Group("X-witnesses", 2, ("X1", "X2", "X3")),
        Group("Y-witnesses", 1, ("Y1", "Y2", "Y3")),
        Group("X-and-Y", 2, ("X-witnesses", "Y-witnesses")),
    )
    assert policy.quorum == "X-and-Y"
    assert (policy.fewest, len(policy.counted), policy.is_plain) == (3, 6, False)


def test_the_example_is_met_by_two_here_and_one_there_and_by_nobody_less() -> None:
    policy = read_policy(six_witnesses().encode())
    names = [witness.name for witness in policy.witnesses]

    for size in range(len(names) + 1):
        for cosigned in combinations(names, size):
            here, there = (sum(name.startswith(letter) for name in cosigned) for letter in "XY")
            assert policy.is_met_by(set(cosigned)) == (here >= 2 and there >= 1), cosigned


def test_without_a_quorum_every_checkpoint_of_the_log_will_do() -> None:
    policy = read_policy(f"log {vkey()}\nquorum none\n".encode())

    assert policy.quorum is None and policy.is_met_by(set())
    assert (policy.fewest, policy.counted, policy.is_plain) == (0, (), True)


def test_a_single_witness_can_be_the_quorum() -> None:
    policy = read_policy(f"witness A {witness_vkey(1)}\nwitness B {witness_vkey(2)}\nquorum A\n".encode())

    assert policy.is_met_by({"A"}) and not policy.is_met_by({"B"}) and not policy.is_met_by({"C"})
    assert [witness.name for witness in policy.counted] == ["A"] and policy.is_plain


def test_white_space_comments_and_other_peoples_letters_are_taken_as_the_standard_says() -> None:
    raw = (
        (
            "  # a word beforehand, here in Grüßen\n\t\n"
            f" witness\tK {witness_vkey(1)}  https://wïtness.example/ \n"
            f"witness \u212a {witness_vkey(2, 'wïtness')}\n"
            "group all all K \u212a\n"
        ).encode()
        + b"witness \xff "
        + witness_vkey(3).encode()
        + b"\nquorum all"
    )

    policy = read_policy(raw)

    # The letter K and the sign of Kelvin are two names.
    assert len({witness.name for witness in policy.witnesses}) == 3
    assert policy.is_met_by({"K", "\u212a"}) and not policy.is_met_by({"K"})


A, B = f"witness A {witness_vkey(1)}\n", f"witness B {witness_vkey(2)}\n"

UNCLEAR = [
    ("no quorum", A, 2),
    ("nothing", "", 1),
    ("two quorums", A + "quorum A\nquorum A\n", 3),
    ("a quorum of somebody unknown", A + "quorum B\n", 2),
    ("a quorum said before its name", "quorum A\n" + A, 1),
    ("a name used twice", A + f"witness A {witness_vkey(2)}\nquorum A\n", 2),
    ("a witness called none", f"witness none {witness_vkey(1)}\nquorum none\n", 1),
    ("a group called as its member", A + "group A any A\nquorum A\n", 2),
    ("§4 case 51: one key under two names", A + f"witness B {witness_vkey(1)}\nquorum A\n", 2),
    ("§4 case 51: one key under two names of its own", A + f"witness B {witness_vkey(1, 'w')}\nquorum A\n", 2),
    ("§4 case 51: one log twice", f"log {vkey()}\nlog {vkey()}\nquorum none\n", 2),
    ("§4 case 50: a member named twice", A + "group G 2 A A\nquorum G\n", 2),
    ("§4 case 50: a member of two groups", A + B + "group G any A\ngroup H 2 G A\nquorum H\n", 4),
    ("a group of itself", A + "group G any A G\nquorum G\n", 2),
    ("a group of nobody", A + "group G all\nquorum A\n", 2),
    ("a member called none", A + "group G any none\nquorum G\n", 2),
    ("more than there are", A + B + "group G 3 A B\nquorum G\n", 3),
    ("none of them", A + B + "group G 0 A B\nquorum G\n", 3),
    ("a number with a leading zero", A + B + "group G 01 A B\nquorum G\n", 3),
    ("a number in other digits", A + B + "group G \u0661 A B\nquorum G\n", 3),
    ("§4 case 43: a log's key for a witness's", f"witness A {vkey(1)}\nquorum A\n", 1),
    ("§4 case 43: a witness's key for a log's", f"log {witness_vkey(1)}\nquorum none\n", 1),
    ("a key whose id is another's", f"witness A {witness_vkey(1).replace('+', '+0', 1)}\nquorum A\n", 1),
    ("a word too many", A + "quorum A B\n", 2),
    ("a word too few", "witness A\nquorum none\n", 1),
    ("another word", "trust everybody\nquorum none\n", 1),
    ("a carriage return", "quorum none\r\n", 1),
    ("white space of another kind", A + "quorum\u00a0A\n", 2),
    ("too long", "#" * 300_000 + "\nquorum none\n", 1),
]


@pytest.mark.parametrize(("said", "text", "line"), UNCLEAR, ids=[said for said, _, _ in UNCLEAR])
def test_what_cannot_be_followed_is_refused_with_its_line(said: str, text: str, line: int) -> None:
    with pytest.raises(Unclear) as unclear:
        read_policy(text.encode())

    assert unclear.value.line == line
    assert f"Line {line}" in str(unclear.value)


@given(
    st.lists(st.sampled_from([*six_witnesses().splitlines(), "quorum none", "group a all X1", "\t", "#"]), max_size=14)
)
def test_lines_in_any_order_are_read_or_refused_and_never_break_the_reader(lines: list[str]) -> None:
    try:
        policy = read_policy("\n".join(lines).encode())
    except Unclear:
        return
    everybody = {witness.name for witness in policy.witnesses}
    assert policy.is_met_by(everybody)
    assert policy.is_met_by(set()) == (policy.fewest == 0)
    for size in range(policy.fewest):
        assert not any(policy.is_met_by(set(some)) for some in combinations(everybody, size))


# -- judging a note -------------------------------------------------------------------------------------------------


def two_of_three() -> Policy:
    lines = [
        f"log {vkey()}",
        *(f"witness {name} {witness_vkey(seed)}" for seed, name in ((11, "A"), (12, "B"), (13, "C"))),
    ]
    return read_policy("\n".join([*lines, "group G 2 A B C", "quorum G", ""]).encode())


def test_a_checkpoint_is_believed_once_the_quorum_has_signed() -> None:
    raw = a_book(5).note()

    one = judge(raw + line_of(raw, 11), two_of_three(), verify_with)
    two = judge(raw + line_of(raw, 11) + line_of(raw, 13), two_of_three(), verify_with)

    assert (one.checkpoint.size, one.cosigned, one.met) == (5, {"A"}, False)
    assert (two.cosigned, two.met) == ({"A", "C"}, True)


def test_one_witness_counts_once_however_often_it_signs() -> None:
    """§4 case 50."""
    raw = a_book(5).note()

    twice = judge(raw + line_of(raw, 11) + line_of(raw, 11, at=AT + 1), two_of_three(), verify_with)

    assert (twice.cosigned, twice.met) == ({"A"}, False)


def test_strangers_are_passed_over_also_under_the_name_of_a_witness() -> None:
    """§4 case 33."""
    raw = a_book(5).note()
    strangers = line_of(raw, 21) + line_of(raw, 22, name="witness.example/12")

    assert judge(raw + strangers, two_of_three(), verify_with).cosigned == frozenset()


def test_a_line_of_a_witness_that_is_false_spoils_the_note() -> None:
    """§4 case 44, 46: a cosignature of another tree, size or log is none of this one."""
    raw, smaller = a_book(5).note(), a_book(4).note()

    with pytest.raises(note.Rejected, match="bad_signature"):
        judge(raw + line_of(smaller, 11) + line_of(raw, 12) + line_of(raw, 13), two_of_three(), verify_with)


def test_cosignatures_do_not_stand_for_the_log() -> None:
    """§4 case 33, 39: the log itself must have signed, under the origin that the checkpoint names."""
    forged = a_book(5).note(seed=9)
    witnesses = line_of(forged, 11) + line_of(forged, 12)

    with pytest.raises(note.Rejected, match="not_signed_by_log"):
        judge(forged + witnesses, two_of_three(), verify_with)
    with pytest.raises(note.Rejected, match="no_known_signature"):
        judge(forged, two_of_three(), verify_with)
