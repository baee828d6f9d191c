"""The quick reader of many entries says of any bytes what the strict one says: the same fields, or the same code."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from odr.log.chain import DEEPEST, LARGEST_ENTRY, LARGEST_INTEGER, Entry, Malformed, check, encode, parse
from odr.log.records import fields_of
from tests.log.test_chain import ENTRY, nested, objects

FIELDS = sorted(json.loads(encode(ENTRY)))

# What is put in place of a value: nearly right, right elsewhere, or what one JSON reader takes and another does not.
VALUES = [
    "1.0", "1e16", "1E5", "0.1", "1e-7", "-0", "0", "1", "-1", "007", "NaN", "Infinity", "-Infinity", "9" * 400,
    str(LARGEST_INTEGER), str(LARGEST_INTEGER + 1), str(-LARGEST_INTEGER), str(-LARGEST_INTEGER - 1), str(2**64),
    "true", "false", "null", "[]", "{}", "[1,2]", '""', '"/"', '"\\/"', '"\t"', '"\\t"', '"\\b"', '"\\u0008"',
    '"\x7f"', '"\\u007f"', '"\\u001f"', '"\\u001F"', '"é"', '"\\u00e9"', '"😀"', '"\\ud83d\\ude00"', '"\\ud800"',
    '"system"', '"buyer"', f'"{"a" * 64}"', f'"{"A" * 64}"', f'"{"0" * 64}"', f'"{"0" * 32}"', f'"{"g" * 32}"',
    f'"dispute/{"5" * 32}"', f'"log/{ENTRY.origin}"', '{"b":1,"a":2}', '{"a":1,"a":1}', '{"a": 1}', '{"é":1}',
    '{"text":"a"}', '{"a":[1,2.5]}', '{"a":{"b":[{"c":0.1}]}}',
]  # fmt: skip

PIECES = [b"", b" ", b"\n", b"\xef\xbb\xbf", b"\x00", b"\xff", b"{", b"}", b'"', b",", b'"a":1,', b'"v":1,', b"0", b"."]


@given(data=objects, depth=st.integers(1, DEEPEST + 2))
def test_every_entry_is_read_as_the_strict_reader_reads_it(data: dict[str, Any], depth: int) -> None:
    deep = replace(ENTRY, data={**data, "a": nested(depth)})
    raw = _written(deep)

    assert _said(raw, fields_of) == _said(raw, _strictly)


@given(field=st.sampled_from(FIELDS), value=st.sampled_from(VALUES))
def test_another_value_of_a_field_is_judged_alike(field: str, value: str) -> None:
    raw = _written(ENTRY)
    other = raw.replace(f'"{field}":{_spelt(raw, field)}'.encode(), f'"{field}":{value}'.encode(), 1)

    assert _said(other, fields_of) == _said(other, _strictly)


@given(inner=st.sampled_from(VALUES), where=st.sampled_from(["data", "commit"]))
def test_another_value_within_a_field_is_judged_alike(inner: str, where: str) -> None:
    raw = _written(ENTRY)
    other = raw.replace(f'"{where}":{_spelt(raw, where)}'.encode(), f'"{where}":{{"message":{inner}}}'.encode(), 1)

    assert _said(other, fields_of) == _said(other, _strictly)


@given(at=st.integers(0, 700), length=st.integers(0, 3), piece=st.sampled_from(PIECES) | st.binary(max_size=3))
@example(at=0, length=700, piece=b"")
@example(at=0, length=0, piece=b"\xef\xbb\xbf")
def test_bytes_put_in_or_taken_out_are_judged_alike(at: int, length: int, piece: bytes) -> None:
    raw = _written(ENTRY)
    other = raw[:at] + piece + raw[at + length :]

    assert _said(other, fields_of) == _said(other, _strictly)


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_longest_entry_is_judged_alike(beyond: int) -> None:
    room = LARGEST_ENTRY - len(_written(replace(ENTRY, data={"a": ""}))) + beyond
    raw = _written(replace(ENTRY, data={"a": "x" * room}))

    assert len(raw) == LARGEST_ENTRY + beyond
    assert _said(raw, fields_of) == _said(raw, _strictly)


def _strictly(raw: bytes) -> dict[str, Any]:
    check(raw)
    return parse(raw)


def _said(raw: bytes, reader: Any) -> dict[str, Any] | str:
    try:
        return reader(raw)
    except Malformed as broken:
        return broken.code


def _written(entry: Entry) -> bytes:
    """The bytes of an entry, whether or not the log would write it."""
    fields = {**json.loads(encode(ENTRY)), "data": entry.data, "prev": entry.prev}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _spelt(raw: bytes, field: str) -> str:
    return json.dumps(json.loads(raw)[field], sort_keys=True, separators=(",", ":"))
