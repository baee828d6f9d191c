"""Proofs from stored tiles are those of the whole tree, at every size, and say when the stored tree is torn."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, event, insert

from odr.database import writing
from odr.log import tables
from odr.log.proof import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Unproven,
    consistency_proof,
    consistency_spans,
    fold,
    full_subtrees,
    inclusion_proof,
    inclusion_spans,
    inner_nodes,
    place_in_tile,
    root,
    verify_consistency,
    verify_inclusion,
)
from odr.log.tiles import (
    Torn,
    complete_tiles,
    consistency,
    full_tile,
    inclusion,
    inclusions,
    level_hashes,
    tile_data,
    tree_head,
)

SIZE = 2 * TILE_WIDTH + 77
# A level-2 tile needs 65,536 leaves: enough to see every level, few enough to be made in a second.
LARGE = 256 * 256 + 3 * 256 + 5


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\0%d" % place).digest() for place in range(count)]


HASHES = leaves(LARGE)


def fill(connection: Connection, old: int, new: int) -> None:
    """Give places old..new-1 their leaves, as the integrator does."""
    connection.execute(
        insert(tables.leaf),
        [
            {"position": place, "stream": f"dispute/{place}", "ver": 1, "leaf_hash": HASHES[place]}
            for place in range(old, new)
        ],
    )
    complete_tiles(connection, old, new)


@pytest.fixture
def tree(engine: Engine) -> Iterator[Connection]:
    """A tree that grew in uneven steps to SIZE leaves."""
    size = 0
    while size < SIZE:
        step = min(random.Random(size).choice([1, 90, 255, 300]), SIZE - size)
        with writing(engine) as connection:
            fill(connection, size, size + step)
        size += step
    with engine.connect() as connection:
        yield connection


def test_every_proof_of_inclusion_is_that_of_the_whole_tree(tree):
    for size in (1, 2, 3, 255, 256, 257, 300, 511, 512, 513, SIZE - 1, SIZE):
        for position in {0, 1, size // 2, size - 2, size - 1, 255, 256} & set(range(size)):
            path = inclusion(tree, position, size)

            assert path == inclusion_proof(HASHES[:size], position), (position, size)
            verify_inclusion(HASHES[position], position, size, path, root(HASHES[:size]))


def test_many_proofs_at_once_are_those_of_the_whole_tree(tree):
    places = random.Random(3).sample(range(SIZE), 300)

    paths = inclusions(tree, places, SIZE)

    assert paths == [inclusion_proof(HASHES[:SIZE], place) for place in places]


def test_many_proofs_from_more_tiles_than_one_statement_asks_for(engine):
    with writing(engine) as connection:
        fill(connection, 0, LARGE)
        places = range(0, LARGE, 200)
        found: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *told: found.append(told[2]))

        paths = inclusions(connection, places, LARGE)

        assert len(found) <= 6
        whole = root(HASHES)
        for place, path in zip(places, paths, strict=True):
            verify_inclusion(HASHES[place], place, LARGE, path, whole)


def test_every_proof_of_growth_is_that_of_the_whole_tree(tree):
    sizes = (1, 2, 3, 128, 255, 256, 257, 384, 511, 512, 513, SIZE - 1, SIZE)
    for new in sizes:
        for old in (each for each in sizes if each <= new):
            path = consistency(tree, old, new)

            assert path == consistency_proof(HASHES[:new], old), (old, new)
            verify_consistency(old, root(HASHES[:old]), new, root(HASHES[:new]), path)


def test_a_large_tree_gives_the_same_proofs(engine):
    with writing(engine) as connection:
        for start in range(0, LARGE, 9_999):
            fill(connection, start, min(start + 9_999, LARGE))
    chance = random.Random(7)
    whole = root(HASHES)
    with engine.connect() as connection:
        assert tree_head(connection) == (LARGE, whole)
        for _ in range(40):
            position = chance.randrange(LARGE)
            verify_inclusion(HASHES[position], position, LARGE, inclusion(connection, position, LARGE), whole)
        for old in [65_535, 65_536, 65_537, LARGE - 1, *(chance.randrange(1, LARGE) for _ in range(6))]:
            path = consistency(connection, old, LARGE)
            verify_consistency(old, root(HASHES[:old]), LARGE, whole, path)
            assert path == consistency_proof(HASHES, old)


@given(st.integers(1, 700), st.data())
def test_spans_name_the_leaves_under_each_hash_of_a_proof(size, data):
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    hashes = HASHES[:size]

    assert [root(hashes[start:end]) for start, end in inclusion_spans(index, size)] == inclusion_proof(hashes, index)
    assert sorted([*inclusion_spans(index, size), (index, index + 1)])[0][0] == 0
    for start, end in [*inclusion_spans(index, size), *consistency_spans(old, size), (0, size)]:
        subtrees = full_subtrees(start, end)
        covered = [(place << height, (place + 1) << height) for height, place in subtrees]
        assert covered[0][0] == start and covered[-1][1] == end
        assert all(left[1] == right[0] for left, right in pairwise(covered))
        assert fold([root(hashes[first:last]) for first, last in covered]) == root(hashes[start:end])


@given(st.integers(0, 7), st.integers(0, 2**40))
def test_every_node_of_a_tile_has_one_place_in_it(above, tile):
    held = HASHES[:TILE_WIDTH]
    all_nodes = [*held, *inner_nodes(held)]
    width = TILE_WIDTH >> above

    places = [place_in_tile(16 + above, tile * width + place) for place in range(width)]

    assert {(level, number) for level, number, _ in places} == {(2, tile)}
    span = 1 << above
    assert [all_nodes[place] for _, _, place in places] == [
        root(held[start : start + span]) for start in range(0, TILE_WIDTH, span)
    ]


def test_nothing_is_folded_to_the_root_of_no_leaves():
    assert fold([]) == EMPTY_ROOT
    assert full_subtrees(5, 5) == []


def test_only_a_full_tile_has_inner_nodes():
    with pytest.raises(ValueError, match="full tile"):
        inner_nodes(HASHES[:255])
    with pytest.raises(ValueError, match="full tile"):
        full_tile(0, 0, HASHES[:257])


def test_sizes_that_cannot_be_are_refused(tree):
    for ask, code in (
        (lambda: inclusion(tree, 0, 0), "bad_size"),
        (lambda: inclusion(tree, 5, 5), "bad_index"),
        (lambda: inclusion(tree, -1, 5), "bad_index"),
        (lambda: inclusion(tree, 0, 2**63), "bad_size"),
        (lambda: consistency(tree, 0, 5), "bad_size"),
        (lambda: consistency(tree, 6, 5), "bad_size"),
    ):
        with pytest.raises(Unproven) as refused:
            ask()
        assert refused.value.code == code


def test_a_tree_that_lacks_rows_proves_nothing(engine, tree):
    """Beyond its last leaf, and where somebody took a row out."""
    with pytest.raises(Torn):
        inclusion(tree, 0, SIZE + 1)
    with pytest.raises(Torn):
        tile_data(tree, 0, 9, TILE_WIDTH)
    with pytest.raises(Torn):
        tile_data(tree, 0, 2, 78)
    guard = "leaf_no_delete" if engine.dialect.name == "sqlite" else "leaf_append_only ON leaf"
    tree.exec_driver_sql(f"DROP TRIGGER {guard}")
    tree.execute(delete(tables.leaf).where(tables.leaf.c.position == SIZE - 3))
    with pytest.raises(Torn):
        inclusion(tree, 0, SIZE)


def test_a_proof_takes_three_statements_however_large_the_tree(engine, tree):
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    tree.rollback()

    inclusion(tree, 300, SIZE)
    consistency(tree, 300, SIZE)

    assert 0 < len([statement for statement in asked if statement.startswith("SELECT")]) <= 6


def test_a_tile_is_what_the_public_resource_says(tree):
    assert tile_data(tree, 0, 1, TILE_WIDTH) == b"".join(HASHES[256:512])
    assert tile_data(tree, 0, 2, 77) == b"".join(HASHES[512:SIZE])
    assert tile_data(tree, 1, 0, 2) == root(HASHES[:256]) + root(HASHES[256:512])
    assert level_hashes(tree, 1, 0, 2) == [root(HASHES[:256]), root(HASHES[256:512])]
