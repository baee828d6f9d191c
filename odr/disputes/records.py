"""Facts to entries and back: the closed data of each event as JSON values, and the events read from them."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from odr.kernel import Actor, Money
from odr.log.consent import Deed
from odr.log.journal import NewFact, Stored
from odr.procedure.dispute import Header
from odr.procedure.events import EVENTS, FACT_FIELDS, NO_WORDS, TYPES, Event

Reader = Callable[[Any], Any]


def stream_of(dispute_id: str) -> str:
    """The stream that is this dispute."""
    return f"dispute/{dispute_id}"


def to_fact(event: Event) -> NewFact:
    """What the journal writes for an event."""
    data = {name: _plain(getattr(event, name)) for name in FACT_FIELDS[type(event)]}
    return NewFact(TYPES[type(event)], event.reach, data, event.words)


def deed_of(origin: str, dispute_id: str, actor: Actor, event: Event) -> Deed:
    """What somebody consents to who makes this fact: all that its entry will say of it, and the words beside it."""
    fact = to_fact(event)
    words = {name: text.encode() for name, text in fact.words.items()}
    return Deed(origin, stream_of(dispute_id), fact.type, actor.id, actor.role, fact.data, words)


def to_event(type_name: str, data: Mapping[str, Any]) -> Event:
    """The event that an entry's type and data say. KeyError for a type this version does not know."""
    kind = EVENTS[type_name]
    readers = _READERS[kind]
    values = {name: readers[name](data[name]) for name in FACT_FIELDS[kind]}
    return kind(words=NO_WORDS, **values)


def to_history(stored: list[Stored]) -> list[tuple[Event, Header]]:
    """The facts of a stream with what their entries say beside them."""
    return [_fact(one) for one in stored]


@lru_cache(maxsize=8_192)
def _fact(stored: Stored) -> tuple[Event, Header]:
    return to_event(stored.entry.type, stored.entry.data), header_of(stored)


def header_of(stored: Stored) -> Header:
    entry = stored.entry
    return Header(entry.version, entry.at, entry.actor, entry.role, stored.seal)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return {name: _plain(getattr(value, name)) for name in _PARTS[type(value)]}


def _reader(hint: Any) -> Reader:
    """How a JSON value becomes a value of this type."""
    if hint in (str, int, bool):
        return _same
    if get_origin(hint) in (Union, types.UnionType):
        inner = _reader(next(part for part in get_args(hint) if part is not type(None)))
        return lambda value: None if value is None else inner(value)
    if get_origin(hint) is tuple:
        each = _reader(get_args(hint)[0])
        return lambda values: tuple(each(value) for value in values)
    if is_dataclass(hint):
        kind: Any = hint
        hints = get_type_hints(kind)
        readers = {part.name: _reader(hints[part.name]) for part in fields(kind)}
        _PARTS[kind] = tuple(readers)
        return lambda value: kind(**{name: read(value[name]) for name, read in readers.items()})
    raise TypeError(f"no entry holds a {hint}")


def _same(value: Any) -> Any:
    return value


_PARTS: dict[type, tuple[str, ...]] = {Money: ("minor", "currency")}
_READERS: dict[type[Event], dict[str, Reader]] = {
    kind: {name: _reader(get_type_hints(kind)[name]) for name in names} for kind, names in FACT_FIELDS.items()
}
