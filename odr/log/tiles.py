"""The tree as it is stored: leaf hashes, and full tiles with all their nodes; proofs from it without reading it all.

A node lies in a stored tile once that tile is full. What no full tile holds is the right edge, and is computed from at
most 255 hashes a level. So a proof reads a handful of rows, however large the log is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, and_, bindparam, func, insert, or_, select

from odr.log import tables
from odr.log.proof import (
    EMPTY_ROOT,
    HASH_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    consistency_spans,
    fold,
    full_subtrees,
    inclusion_spans,
    inner_nodes,
    join,
    place_in_tile,
    root,
)

_tile, _leaf = tables.tile, tables.leaf

_SELECT_LEAVES = (
    select(_leaf.c.leaf_hash)
    .where(_leaf.c.position >= bindparam("first"), _leaf.c.position < bindparam("end"))
    .order_by(_leaf.c.position)
)
_SELECT_ROOTS = (
    select(_tile.c.root)
    .where(
        _tile.c.level == bindparam("level"),
        _tile.c.number >= bindparam("first"),
        _tile.c.number < bindparam("end"),
    )
    .order_by(_tile.c.number)
)

MOST_TILES = 256
"""Tiles asked for in one statement. SQLite takes no condition of more than a thousand parts."""

T = TypeVar("T")

Node = tuple[int, int]
"""A full subtree: its height, and its index among the nodes of that height."""


class Torn(Exception):
    """The stored tree lacks rows that it must have; `odr verify` says which."""


def tree_size(connection: Connection) -> int:
    """How many entries have a place."""
    last = connection.scalar(select(func.max(_leaf.c.position)))
    return 0 if last is None else last + 1


def tree_head(connection: Connection) -> tuple[int, bytes]:
    """Size and RFC 6962 root of the tree, from its right edge: at most 255 hashes a level are read."""
    size = tree_size(connection)
    if size == 0:
        return 0, EMPTY_ROOT
    levels, count, level = [], size, 0
    while count:
        levels.append(level_hashes(connection, level, count // TILE_WIDTH * TILE_WIDTH, count))
        count, level = count // TILE_WIDTH, level + 1
    return size, join(levels)


def complete_tiles(connection: Connection, old: int, new: int) -> None:
    """Store every tile that became full, level by level; a full tile never changes again."""
    level, done, full = 0, old // TILE_WIDTH, new // TILE_WIDTH
    while done < full:
        hashes = level_hashes(connection, level, done * TILE_WIDTH, full * TILE_WIDTH)
        rows = [
            full_tile(level, done + place, hashes[place * TILE_WIDTH : (place + 1) * TILE_WIDTH])
            for place in range(full - done)
        ]
        connection.execute(insert(_tile), rows)
        level, done, full = level + 1, done // TILE_WIDTH, full // TILE_WIDTH


def full_tile(level: int, number: int, hashes: Sequence[bytes]) -> dict[str, int | bytes]:
    """The row of a full tile."""
    inner = inner_nodes(hashes)
    return {
        "level": level,
        "number": number,
        "root": inner[-1],
        "hashes": b"".join(hashes),
        "nodes": b"".join(inner),
    }


def level_hashes(connection: Connection, level: int, first: int, end: int) -> list[bytes]:
    """Hashes first..end-1 of a level of tiles: leaf hashes at level 0, roots of full tiles above. Fewer where rows are
    gone."""
    asked = {"first": first, "end": end}
    if level == 0:
        return list(connection.scalars(_SELECT_LEAVES, asked).all())
    return list(connection.scalars(_SELECT_ROOTS, asked | {"level": level - 1}).all())


def tile_data(connection: Connection, level: int, number: int, width: int) -> bytes:
    """The first `width` hashes of a tile, as the public resource has them. Raises Torn."""
    if width == TILE_WIDTH:
        query = select(_tile.c.hashes).where(_tile.c.level == level, _tile.c.number == number)
        data = connection.scalar(query) or b""
    else:
        first = number * TILE_WIDTH
        data = b"".join(level_hashes(connection, level, first, first + width))
    if len(data) != width * HASH_SIZE:
        raise Torn(f"tile {level}/{number}")
    return bytes(data)


def inclusion(connection: Connection, position: int, size: int) -> list[bytes]:
    """The path of the leaf at `position` in the tree of the first `size` leaves. Three statements.

    Raises Unproven("bad_size" | "bad_index"), Torn.
    """
    return _roots(connection, inclusion_spans(position, size))


def inclusions(connection: Connection, positions: Sequence[int], size: int) -> list[list[bytes]]:
    """The paths of several leaves in the tree of the first `size` leaves, in hardly more statements than for one.

    Raises Unproven("bad_size" | "bad_index"), Torn.
    """
    paths = [inclusion_spans(position, size) for position in positions]
    spans = list(dict.fromkeys(span for path in paths for span in path))
    roots = dict(zip(spans, _roots(connection, spans), strict=True))
    return [[roots[span] for span in path] for path in paths]


def consistency(connection: Connection, old_size: int, new_size: int) -> list[bytes]:
    """The path showing that the first `new_size` leaves only added to the first `old_size`. Three statements.

    Raises Unproven("bad_size"), Torn.
    """
    return _roots(connection, consistency_spans(old_size, new_size))


def _roots(connection: Connection, spans: Sequence[tuple[int, int]]) -> list[bytes]:
    subtrees = [full_subtrees(start, end) for start, end in spans]
    nodes = _nodes(connection, {node for span in subtrees for node in span})
    return [fold([nodes[node] for node in span]) for span in subtrees]


def _nodes(connection: Connection, wanted: Iterable[Node]) -> dict[Node, bytes]:
    """The hashes of full subtrees: from stored tiles, the rest from the right edge."""
    places = {node: place_in_tile(*node) for node in wanted}
    tiles = _full_tiles(connection, {(level, number) for level, number, _ in places.values()})
    found, missing = {}, []
    for node, (level, number, place) in places.items():
        held = tiles.get((level, number))
        if held is None:
            missing.append(node)
        else:
            found[node] = held[place * HASH_SIZE : (place + 1) * HASH_SIZE]
    return found | _edge_nodes(connection, missing)


def _full_tiles(connection: Connection, keys: set[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    found: dict[tuple[int, int], bytes] = {}
    wanted = sorted(keys)
    for first in range(0, len(wanted), MOST_TILES):
        asked = _padded(wanted[first : first + MOST_TILES])
        given = {f"level_{slot}": level for slot, (level, _) in enumerate(asked)}
        given |= {f"number_{slot}": number for slot, (_, number) in enumerate(asked)}
        rows = connection.execute(_select_tiles(len(asked)), given)
        found |= {(level, number): hashes + nodes for level, number, hashes, nodes in rows}
    return found


@cache
def _select_tiles(slots: int) -> Select[Any]:
    # A statement of a few fixed widths: making one anew costs more than the database does.
    wanted = [
        and_(_tile.c.level == bindparam(f"level_{slot}"), _tile.c.number == bindparam(f"number_{slot}"))
        for slot in range(slots)
    ]
    return select(_tile.c.level, _tile.c.number, _tile.c.hashes, _tile.c.nodes).where(or_(*wanted))


@cache
def _select_roots(slots: int) -> Select[Any]:
    wanted = [
        and_(
            _tile.c.level == bindparam(f"level_{slot}"),
            _tile.c.number >= bindparam(f"first_{slot}"),
            _tile.c.number < bindparam(f"end_{slot}"),
        )
        for slot in range(slots)
    ]
    return select(_tile.c.level, _tile.c.root).where(or_(*wanted)).order_by(_tile.c.level, _tile.c.number)


def _padded(asked: list[T]) -> list[T]:
    """The same with its last repeated up to a power of two, so that a few statements serve every question."""
    return asked + asked[-1:] * ((1 << (len(asked) - 1).bit_length()) - len(asked))


def _edge_nodes(connection: Connection, wanted: Sequence[Node]) -> dict[Node, bytes]:
    """The same for nodes that no full tile holds. At each level there is one tile that is not full yet."""
    ranges: dict[int, tuple[int, int]] = {}
    for height, index in wanted:
        level, above = divmod(height, TILE_HEIGHT)
        first, end = index << above, (index + 1) << above
        known = ranges.get(level, (first, end))
        ranges[level] = min(known[0], first), max(known[1], end)
    if any(end - first > TILE_WIDTH for first, end in ranges.values()):
        raise Torn("more than one tile of a level is not stored")
    hashes = _edge_hashes(connection, ranges)
    found = {}
    for height, index in wanted:
        level, above = divmod(height, TILE_HEIGHT)
        start = (index << above) - ranges[level][0]
        found[height, index] = root(hashes[level][start : start + (1 << above)])
    return found


def _edge_hashes(connection: Connection, ranges: dict[int, tuple[int, int]]) -> dict[int, list[bytes]]:
    hashes: dict[int, list[bytes]] = {level: [] for level in ranges}
    if 0 in ranges:
        hashes[0] = level_hashes(connection, 0, *ranges[0])
    above = [(level - 1, first, end) for level, (first, end) in sorted(ranges.items()) if level]
    if above:
        asked = _padded(above)
        given = {f"level_{slot}": level for slot, (level, _, _) in enumerate(asked)}
        given |= {f"first_{slot}": first for slot, (_, first, _) in enumerate(asked)}
        given |= {f"end_{slot}": end for slot, (_, _, end) in enumerate(asked)}
        for below, tile_root in connection.execute(_select_roots(len(asked)), given).all():
            hashes[below + 1].append(tile_root)
    if any(len(hashes[level]) != end - first for level, (first, end) in ranges.items()):
        raise Torn("hashes of the right edge are missing")
    return hashes
