"""Reading many entries of unknown make: as strictly as `chain.check`, and several times as fast."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson

from odr.log.chain import DEEPEST, GENESIS, LARGEST_ENTRY, Entry, Malformed, check, encode, parse

_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_KEYS = "log stream type clock actor role class v ver at prev nonce act data commit".split()
_VALUES = itemgetter(*_KEYS)
_HEX = b"0123456789abcdef"
_LEAVES = frozenset({str, int, bool, type(None)})


def fields_of(raw: bytes) -> dict[str, Any]:
    """The fields of the entry in these bytes. Raises Malformed as `chain.check` does, with the same code.

    The quick look only ever accepts. Whatever it does not know for an entry goes to `check`, which says what is wrong
    with it, if anything is; that both agree on all bytes is tried in tests/log/test_records.py.
    """
    try:
        fields = orjson.loads(raw)
        if _is_canonical(raw, fields) and _is_entry(fields):
            return fields  # type: ignore[no-any-return]
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    check(raw)
    return parse(raw)


def _is_canonical(raw: bytes, value: Any) -> bool:
    # In pure ASCII both libraries escape alike and sort alike. Written again, doubled keys and other spellings differ.
    return len(raw) <= LARGEST_ENTRY and raw.isascii() and orjson.dumps(value, None, _CANONICAL) == raw


def _is_entry(fields: dict[str, Any]) -> bool:
    *names, v, version, at, prev, nonce, act, data, commit = _VALUES(fields)
    return (
        len(fields) == len(_KEYS)
        and v == 1
        and type(v) is type(version) is type(at) is int
        and version > 0
        and at >= 0
        and _is_hex(prev, 64)
        and (prev == GENESIS) == (version == 1)
        and _is_hex(nonce, 32)
        and (act == "" or _is_hex(act, 64))
        and type(data) is type(commit) is dict
        and _is_plain(data.values(), DEEPEST - 2)
        and (not commit or all(_is_hex(held, 64) for held in commit.values()))
        and _may_be_called(*names, *commit)
    )


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and not text.encode().translate(None, _HEX)


def _is_plain(values: Iterable[Any], levels: int) -> bool:
    """No floats, and no more levels of objects and lists than are left."""
    for value in values:
        kind = type(value)
        if kind not in _LEAVES and (
            kind is float or levels == 0 or not _is_plain(value.values() if kind is dict else value, levels - 1)
        ):
            return False
    return True


@lru_cache(maxsize=8_192)
def _may_be_called(
    origin: str, stream: str, kind: str, clock: str, actor: str, role: str, reach: str, *committed: str
) -> bool:
    """Whether an entry may bear these names: what entries of a stream have in common is looked at once."""
    one = Entry(
        origin=origin, stream=stream, version=1, type=kind, at=0, clock=clock, actor=actor, role=role, reach=reach,
        prev=GENESIS, nonce="0" * 32, act="", data={}, commit=dict.fromkeys(committed, GENESIS),
    )  # fmt: skip
    try:
        encode(one)
    except Malformed:
        return False
    return True
