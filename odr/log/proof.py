"""The tree over all entries (RFC 6962 §2.1): its root, and proofs that an entry is in it and that it only grew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 2**TILE_HEIGHT
"""Hashes of a full tile (C2SP tlog-tiles)."""

LARGEST_SIZE = 2**63 - 1
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Unproven(Exception):
    """A proof does not show what it is offered for; `code` says where it fails (docs/log-format.md)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees, 32 bytes; its 0x01 keeps it from ever being taken for a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def nodes_above(row: bytes) -> bytes:
    """The nodes over neighbouring pairs of hashes, all joined in a row; a last one without a neighbour is left out."""
    sha256, pair = hashlib.sha256, 2 * HASH_SIZE
    return b"".join([sha256(b"\x01" + row[at : at + pair]).digest() for at in range(0, len(row) - pair + 1, pair)])


def root(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree with these leaf hashes. Raises Unproven("bad_hash")."""
    _require_hashes(hashes)
    level = list(hashes)
    while len(level) > 1:
        level = _parents(level)
    return level[0] if level else EMPTY_ROOT


def fold(subtrees: Sequence[bytes]) -> bytes:
    """The root over neighbouring full subtrees, widest first, as `full_subtrees` names them."""
    if not subtrees:
        return EMPTY_ROOT
    folded = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        folded = node(left, folded)
    return folded


def full_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """The full subtrees, widest first, that leaves start..end-1 fall into, each as its height and its index among the
    nodes of that height. `start` is where a subtree of at least that width can begin, as in every span of a proof."""
    found = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append((height, start >> height))
        start += 1 << height
    return found


def join(levels: Sequence[Sequence[bytes]]) -> bytes:
    """The root of a tree from its right edge: `levels[0]` are the leaf hashes after the last full tile, `levels[1]`
    the roots of full tiles after the last full tile of tiles, and so on up; none holds 256. Raises ValueError for a
    wider level, Unproven("bad_hash")."""
    if any(len(level) >= TILE_WIDTH for level in levels):
        raise ValueError("a full tile belongs to the level above")
    carry: list[bytes] = []
    for level in levels:
        edge = [*level, *carry]
        carry = [root(edge)] if edge else []
    return root(carry)


def inner_nodes(hashes: Sequence[bytes]) -> list[bytes]:
    """The 255 nodes above the 256 hashes of a full tile: 128 pairs, then 64 of four, and so on up to its root, which
    comes last. Raises ValueError for a tile that is not full, Unproven("bad_hash")."""
    if len(hashes) != TILE_WIDTH:
        raise ValueError("only a full tile has all its inner nodes")
    _require_hashes(hashes)
    nodes: list[bytes] = []
    level = list(hashes)
    while len(level) > 1:
        level = _parents(level)
        nodes += level
    return nodes


def place_in_tile(height: int, index: int) -> tuple[int, int, int]:
    """Where the node over leaves index * 2^height and following lies: level and number of its tile, and which of the
    tile's 511 nodes it is, the 256 hashes first and then those of `inner_nodes`."""
    level, above = divmod(height, TILE_HEIGHT)
    number, place = divmod(index, TILE_WIDTH >> above)
    return level, number, 2 * TILE_WIDTH - (2 * TILE_WIDTH >> above) + place


def roots_at(hashes: Iterable[bytes], sizes: Iterable[int]) -> Iterator[bytes]:
    """The root at each of `sizes`, which never decrease, in one pass over the leaf hashes.

    Raises Unproven("too_few_leaves") at a size beyond the leaves, Unproven("bad_hash"), and ValueError for a size
    that decreases.
    """
    leaves = iter(hashes)
    subtrees: list[bytes] = []  # roots of the full subtrees of the leaves so far, widest first
    count = 0
    for size in sizes:
        if size < count:
            raise ValueError("sizes never decrease")
        while count < size:
            leaf = next(leaves, None)
            if leaf is None:
                raise Unproven("too_few_leaves")
            count += 1
            _grow(subtrees, leaf, count)
        yield fold(subtrees)


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The path, leaf to root, of the leaf at `index` (from 0) in the tree of these leaf hashes (RFC 6962 §2.1.1).

    Raises Unproven("bad_index" | "bad_hash").
    """
    _require(0 <= index < len(hashes), "bad_index")
    _require_hashes(hashes)
    path: list[bytes] = []
    level = list(hashes)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, index = _parents(level), index // 2
    return path


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """The leaves under each hash of the inclusion proof, from the leaf up: (start, end) for start..end-1.

    For whoever keeps nodes and not only leaves: `full_subtrees` tells which. Raises Unproven("bad_size" | "bad_index").
    """
    _require_size(size)
    _require(0 <= index < size, "bad_index")
    spans: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _widest_full_subtree(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Prove that leaf hash `leaf` is at `index` of the tree with `size` leaves and `root` (RFC 9162 §2.1.3.2).

    Raises Unproven("bad_size" | "bad_index" | "bad_hash" | "proof_too_long" | "proof_too_short" | "wrong_root").
    """
    _require_size(size)
    _require(0 <= index < size, "bad_index")
    _require_hashes([leaf, root, *path])
    place, last, climbed = index, size - 1, leaf
    for sibling in path:
        _require(last > 0, "proof_too_long")
        if place % 2 == 1 or place == last:
            climbed = node(sibling, climbed)
            place, last = _skip_lone_levels(place, last)
        else:
            climbed = node(climbed, sibling)
        place, last = place // 2, last // 2
    _require(last == 0, "proof_too_short")
    _require(climbed == root, "wrong_root")


def consistency_proof(hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """The path showing that the tree of these leaf hashes grew from its first `old_size` (RFC 6962 §2.1.2).

    Raises Unproven("bad_size" | "bad_hash").
    """
    _require(0 < old_size <= len(hashes), "bad_size")
    _require_hashes(hashes)
    return [root(hashes[start:end]) for start, end in consistency_spans(old_size, len(hashes))]


def consistency_spans(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """The leaves under each hash of the consistency proof, in its order, as in `inclusion_spans`.

    Raises Unproven("bad_size").
    """
    _require_size(old_size)
    _require_size(new_size)
    _require(old_size <= new_size, "bad_size")
    spans: list[tuple[int, int]] = []
    start, end = 0, new_size
    while old_size != end:
        middle = start + _widest_full_subtree(end - start)
        if old_size <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    # The old tree itself is known to whoever verifies; any lesser subtree of it has to be given.
    if start > 0:
        spans.append((start, end))
    return spans[::-1]


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Prove that the tree of `new_size` only added to the tree of `old_size` (RFC 9162 §2.1.4.2).

    Raises Unproven("bad_size" | "bad_hash" | "proof_too_long" | "proof_too_short" | "wrong_old_root" |
    "wrong_root").
    """
    _require_size(old_size)
    _require_size(new_size)
    _require(old_size <= new_size, "bad_size")
    _require_hashes([old_root, new_root, *path])
    if old_size == new_size:
        _require(not path, "proof_too_long")
        _require(old_root == new_root, "wrong_root")
        return
    _require(bool(path), "proof_too_short")
    place, last = _skip_right_turns(old_size - 1, new_size - 1)
    start, *rest = path if place else [old_root, *path]
    old = new = start
    for sibling in rest:
        _require(last > 0, "proof_too_long")
        if place % 2 == 1 or place == last:
            old, new = node(sibling, old), node(sibling, new)
            place, last = _skip_lone_levels(place, last)
        else:
            new = node(new, sibling)
        place, last = place // 2, last // 2
    _require(last == 0, "proof_too_short")
    _require(old == old_root, "wrong_old_root")
    _require(new == new_root, "wrong_root")


def _require(holds: bool, code: str) -> None:
    if not holds:
        raise Unproven(code)


def _require_size(size: int) -> None:
    # Nothing is in an empty tree and nothing follows from one, so a proof never speaks of it.
    _require(0 < size <= LARGEST_SIZE, "bad_size")


def _require_hashes(hashes: Iterable[bytes]) -> None:
    # With hashes of other lengths two different pairs could be the same 64 bytes.
    for found in hashes:
        _require(len(found) == HASH_SIZE, "bad_hash")


def _parents(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    # A subtree without a right neighbour stands for itself one level up.
    return [node(left, right) for left, right in pairs] + level[len(level) & ~1 :]


def _grow(subtrees: list[bytes], leaf: bytes, count: int) -> None:
    """Add leaf number `count`, joining full subtrees of equal width as a binary counter carries."""
    _require(len(leaf) == HASH_SIZE, "bad_hash")
    subtrees.append(leaf)
    while count % 2 == 0:
        right, left = subtrees.pop(), subtrees.pop()
        subtrees.append(node(left, right))
        count //= 2


def _widest_full_subtree(size: int) -> int:
    """The largest power of two below `size`, which is where RFC 6962 splits a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def _skip_lone_levels(place: int, last: int) -> tuple[int, int]:
    """Climb past levels where the node at the right edge has no left neighbour to be joined with."""
    while place and place % 2 == 0:
        place, last = place // 2, last // 2
    return place, last


def _skip_right_turns(place: int, last: int) -> tuple[int, int]:
    """Climb to the widest full subtree that ends the old tree: there the proof starts."""
    while place % 2 == 1:
        place, last = place // 2, last // 2
    return place, last
