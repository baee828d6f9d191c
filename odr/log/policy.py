"""The policy: which log and witnesses somebody trusts, and how many of these must have signed (C2SP tlog-policy)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from odr.log.note import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Rejected,
    Verifier,
    Verify,
    cosigner,
    key_id,
    open_note,
    read_checkpoint,
    read_vkey,
)

LARGEST_POLICY = 256 * 1024
"""Bytes of the longest policy read."""

LONGEST_NAME = 240
"""Letters of the longest name of a witness's key."""

NONE = "none"
"""The quorum of nobody, and therefore no name of a witness or a group."""

_CONTROL = re.compile(rb"[^\x09\x0a\x20-\x7e\x80-\xff]")
_SPACE = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_ENTRIES = {"log": (2, 3), "witness": (3, 4), "group": (4, None), "quorum": (2, 2)}

VerifyWith = Callable[[bytes], Verify]
"""Answers how to verify signatures of an Ed25519 key of 32 bytes."""


class Unclear(Exception):
    """A policy that cannot be followed: in which line, and a sentence for whoever wrote it."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"Line {line} of the policy: {sentence}")
        self.line, self.sentence = line, sentence


@dataclass(frozen=True, slots=True)
class LogKey:
    """A log that is trusted: its origin, which is its key's name, the key, and an address or nothing."""

    origin: str
    public_key: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: what this policy calls it, its key's own name, the key, and where it is asked, or nothing."""

    name: str
    key_name: str
    public_key: bytes
    url: str

    @property
    def key_id(self) -> bytes:
        return key_id(self.key_name, self.public_key, COSIGNATURE)


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these members, witnesses or groups."""

    name: str
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a checkpoint must bear to be believed. `quorum` is None where no witness is asked for."""

    logs: tuple[LogKey, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str | None = None

    def is_met_by(self, cosigned: Set[str]) -> bool:
        """Whether these witnesses, named as in the policy, are the quorum."""
        # A group is defined after its members, so that one walk tells of all.
        met = set(cosigned) & {witness.name for witness in self.witnesses}
        for group in self.groups:
            if len(met.intersection(group.members)) >= group.least:
                met.add(group.name)
        return self.quorum is None or self.quorum in met

    @property
    def fewest(self) -> int:
        """How many witnesses suffice when the right ones sign; 0 without a quorum."""
        needs: dict[str, int] = {witness.name: 1 for witness in self.witnesses}
        for group in self.groups:
            # A witness is in one group only, so what members need adds up.
            needs[group.name] = sum(sorted(needs[member] for member in group.members)[: group.least])
        return needs[self.quorum] if self.quorum is not None else 0

    @property
    def counted(self) -> tuple[Witness, ...]:
        """The witnesses by which the quorum can be reached, in the order of the policy."""
        within = {self.quorum}
        for group in reversed(self.groups):
            if group.name in within:
                within.update(group.members)
        return tuple(witness for witness in self.witnesses if witness.name in within)

    @property
    def is_plain(self) -> bool:
        """Whether the quorum is any so many of all counted witnesses, so that two numbers say it."""
        return self.quorum in {None, *(witness.name for witness in self.witnesses)} or any(
            group.name == self.quorum and len(group.members) == len(self.counted) for group in self.groups
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What a note says to whoever holds a policy: the checkpoint, which witnesses cosigned, and whether they are the
    quorum."""

    checkpoint: Checkpoint
    cosigned: frozenset[str]
    met: bool


def read_policy(raw: bytes) -> Policy:
    """The policy in a file. Raises Unclear, which says in which line it cannot be followed."""
    if len(raw) > LARGEST_POLICY:
        raise Unclear(1, "the file is too long.")
    read = _Reading()
    # Bytes beyond ASCII mean themselves, in whatever encoding; so two names are the same when their bytes are.
    for number, line in enumerate(raw.split(b"\n"), 1):
        if _CONTROL.search(line):
            raise Unclear(number, "it holds a control character; lines end with a line feed alone.")
        words = _SPACE.split(line.decode("utf-8", "surrogateescape").strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            read.line(number, words)
    if not read.has_quorum:
        raise Unclear(number, "it ends without saying “quorum none” or “quorum” and a name.")
    return Policy(tuple(read.logs), tuple(read.witnesses), tuple(read.groups), read.quorum)


def judge(raw: bytes, policy: Policy, verify_with: VerifyWith) -> Judged:
    """The checkpoint in a note that a log of this policy signed, and who cosigned it. Raises note.Rejected."""
    logs = [
        Verifier(log.origin, key_id(log.origin, log.public_key), verify_with(log.public_key)) for log in policy.logs
    ]
    witnesses = {
        witness.name: cosigner(witness.key_name, witness.public_key, verify_with(witness.public_key))
        for witness in policy.witnesses
    }
    opened = open_note(raw, [*logs, *witnesses.values()])
    checkpoint = read_checkpoint(opened.text)
    # A log signs for its own origin only; whoever else is listed signs nothing here.
    if not any(signer in logs and signer.name == checkpoint.origin for signer in opened.signers):
        raise Rejected("not_signed_by_log")
    cosigned = frozenset(name for name, verifier in witnesses.items() if verifier in opened.signers)
    return Judged(checkpoint, cosigned, policy.is_met_by(cosigned))


def shown(name: str) -> str:
    """A name of the policy as it can be shown to people."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(slots=True)
class _Reading:
    """What the lines before this one defined."""

    logs: list[LogKey] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None
    has_quorum: bool = False
    _names: set[str] = field(default_factory=set)
    _members: dict[str, str] = field(default_factory=dict)
    _tags: set[tuple[str, bytes]] = field(default_factory=set)
    _keys: dict[str, set[bytes]] = field(default_factory=lambda: {"log": set(), "witness": set()})

    def line(self, number: int, words: list[str]) -> None:
        readers: Mapping[str, Callable[[int, list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }
        if words[0] not in readers:
            raise Unclear(number, "it begins with another word than log, witness, group or quorum.")
        least, most = _ENTRIES[words[0]]
        if len(words) < least or (most is not None and len(words) > most):
            raise Unclear(number, f"a line “{words[0]}” has another number of parts.")
        readers[words[0]](number, words)

    def _log(self, number: int, words: list[str]) -> None:
        origin, public_key = self._key(number, "log", words[1])
        self.logs.append(LogKey(origin, public_key, _url(words, 2)))

    def _witness(self, number: int, words: list[str]) -> None:
        self._define(number, words[1])
        key_name, public_key = self._key(number, "witness", words[2])
        self.witnesses.append(Witness(words[1], key_name, public_key, _url(words, 3)))

    def _group(self, number: int, words: list[str]) -> None:
        _, name, least, *members = words
        for member in members:
            if member not in self._names:
                raise Unclear(number, f"nothing above it is called {shown(member)}.")
            if member in self._members:
                # Otherwise one witness could count twice for the same quorum.
                raise Unclear(number, f"{shown(member)} is already a member of {shown(self._members[member])}.")
            self._members[member] = name
        self._define(number, name)
        needed = {"all": len(members), "any": 1}.get(least) or (int(least) if _NUMBER.fullmatch(least) else 0)
        if not 1 <= needed <= len(members):
            raise Unclear(number, f"“{shown(least)}” is not all, any or a number from 1 to {len(members)}.")
        self.groups.append(Group(name, needed, tuple(members)))

    def _quorum(self, number: int, words: list[str]) -> None:
        if self.has_quorum:
            raise Unclear(number, "a quorum is said a second time.")
        if words[1] != NONE and words[1] not in self._names:
            raise Unclear(number, f"nothing above it is called {shown(words[1])}.")
        self.has_quorum, self.quorum = True, None if words[1] == NONE else words[1]

    def _define(self, number: int, name: str) -> None:
        if name == NONE or name in self._names:
            raise Unclear(number, f"the name {shown(name)} has a meaning already.")
        self._names.add(name)

    def _key(self, number: int, what: str, vkey: str) -> tuple[str, bytes]:
        try:
            # As UTF-8 only: a key's name is text.
            line = vkey.encode("utf-8", "surrogateescape").decode()
            name, public_key = read_vkey(line, COSIGNATURE) if what == "witness" else read_vkey(line)
        except (Rejected, UnicodeDecodeError) as broken:
            # 0x01 for a log, 0x04 for a witness; other kinds of keys this reader could not verify.
            raise Unclear(number, f"it does not hold the vkey of an Ed25519 key of a {what}.") from broken
        if len(name) > LONGEST_NAME:
            raise Unclear(number, "the name of the key is too long.")
        if public_key in self._keys[what]:
            raise Unclear(number, f"the key of this {what} stands in a line above, too.")
        self._keys[what].add(public_key)
        tag = name, key_id(name, public_key, COSIGNATURE if what == "witness" else ED25519)
        if tag in self._tags:
            # Four bytes can be made to meet; a signature line could then not be told from another's.
            raise Unclear(number, "another key above has the same name and id.")
        self._tags.add(tag)
        return name, public_key


def _url(words: list[str], place: int) -> str:
    return words[place] if len(words) > place else ""
