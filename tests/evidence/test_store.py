"""The store of sealed files: what goes in comes out bit for bit, and nothing altered ever comes out."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.evidence.store import CHUNK, HEADER_SIZE, TAG, Damaged, Staged, Store
from odr.kernel import Refused, real_clock
from odr.log.keys import keys_from

KEYS = keys_from(os.urandom(32), os.urandom(32))
LIMIT = 10 * CHUNK

# The sizes where a chunk ends, begins or is the last one.
BORDERS = [1, TAG, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "files", KEYS)


def kept(store: Store, content: bytes) -> Staged:
    staged = store.stage(io.BytesIO(content), limit=LIMIT)
    store.keep(staged)
    return staged


def place(tmp_path: Path, staged: Staged) -> Path:
    return tmp_path / "files" / "objects" / staged.object_id[:2] / staged.object_id


def whole(chunks: Iterator[bytes]) -> bytes:
    return b"".join(chunks)


class Dribble(io.BytesIO):
    """A slow line: answers at most 1,000 bytes however many are asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000))


class BrokenLine(io.BytesIO):
    """A connection that ends with an error after its bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        part = super().read(size)
        if not part:
            raise ConnectionResetError
        return part


@pytest.mark.parametrize("size", BORDERS)
def test_a_file_comes_back_bit_for_bit(store: Store, size: int) -> None:
    content = os.urandom(size)

    staged = kept(store, content)

    assert whole(store.read(staged.object_id, staged.wrapped_key)) == content
    assert (staged.sha256, staged.size) == (hashlib.sha256(content).hexdigest(), size)
    assert staged.head == content[: 8 * 1024]
    store.verify_object(staged.object_id, staged.wrapped_key, staged.sha256, staged.size)


@given(size=st.sampled_from(BORDERS).flatmap(lambda at: st.integers(max(1, at - 20), at + 20)))
def test_any_size_around_a_chunk_border_comes_back(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), KEYS)
        staged = store.stage(Dribble(content), limit=LIMIT)

        assert whole(store.read_staged(staged)) == content


def test_nothing_of_a_file_is_readable_on_the_disk(store: Store, tmp_path: Path) -> None:
    staged = kept(store, b"the buyer's street and number " * 5000)

    stored = place(tmp_path, staged).read_bytes()

    assert b"street" not in stored
    assert staged.sha256.encode() not in stored
    assert bytes.fromhex(staged.sha256) not in stored


def test_files_and_folders_are_for_their_owner_only(store: Store, tmp_path: Path) -> None:
    staged = kept(store, b"words")

    assert place(tmp_path, staged).stat().st_mode & 0o777 == 0o600
    for folder in ("files", "files/objects", "files/staging", f"files/objects/{staged.object_id[:2]}"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


def test_the_same_file_twice_is_two_unrelated_objects(store: Store, tmp_path: Path) -> None:
    first, second = kept(store, b"the same receipt"), kept(store, b"the same receipt")

    assert first.object_id != second.object_id
    assert place(tmp_path, first).read_bytes()[HEADER_SIZE:] != place(tmp_path, second).read_bytes()[HEADER_SIZE:]


@pytest.mark.parametrize("over", [1, CHUNK, 3 * CHUNK])
def test_a_file_over_the_limit_is_refused_and_leaves_nothing(store: Store, tmp_path: Path, over: int) -> None:
    arriving = io.BytesIO(bytes(2 * CHUNK + over))

    with pytest.raises(Refused) as refusal:
        store.stage(arriving, limit=2 * CHUNK)

    assert (refusal.value.code, refusal.value.params) == ("file_too_large", {"limit": 2 * CHUNK})
    assert list((tmp_path / "files" / "staging").iterdir()) == []


def test_a_file_of_exactly_the_limit_is_taken(store: Store) -> None:
    assert store.stage(io.BytesIO(bytes(2 * CHUNK)), limit=2 * CHUNK).size == 2 * CHUNK


def test_reading_stops_soon_after_the_limit(store: Store) -> None:
    arriving = io.BytesIO(bytes(50 * CHUNK))

    with pytest.raises(Refused):
        store.stage(arriving, limit=CHUNK)

    assert arriving.tell() <= 4 * CHUNK


def test_an_empty_file_is_refused_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        store.stage(io.BytesIO(b""), limit=LIMIT)

    assert refusal.value.code == "file_empty"
    assert list((tmp_path / "files" / "staging").iterdir()) == []


@pytest.mark.parametrize("size", [0, 10, CHUNK, 2 * CHUNK])
def test_a_broken_connection_leaves_nothing(store: Store, tmp_path: Path, size: int) -> None:
    with pytest.raises(ConnectionResetError):
        store.stage(BrokenLine(bytes(size)), limit=LIMIT)

    assert list((tmp_path / "files" / "staging").iterdir()) == []


def test_keeping_moves_the_file_out_of_staging(store: Store, tmp_path: Path) -> None:
    staged = kept(store, b"words")

    assert list((tmp_path / "files" / "staging").iterdir()) == []
    assert list(store.objects()) == [staged.object_id]


def test_a_kept_file_is_never_written_again(store: Store, tmp_path: Path) -> None:
    staged = kept(store, b"the original")
    before = place(tmp_path, staged).read_bytes()
    staged.path.write_bytes(b"a replacement")

    with pytest.raises(FileExistsError):
        store.keep(staged)

    assert place(tmp_path, staged).read_bytes() == before


def test_keeping_what_was_swept_claims_no_place(store: Store) -> None:
    staged = store.stage(io.BytesIO(b"words"), limit=LIMIT)
    store.discard(staged)

    with pytest.raises(FileNotFoundError):
        store.keep(staged)

    assert list(store.objects()) == []


def test_every_single_altered_byte_of_a_small_object_is_noticed(store: Store, tmp_path: Path) -> None:
    staged = kept(store, b"a short receipt")
    path = place(tmp_path, staged)
    stored = path.read_bytes()

    for position in range(len(stored)):
        path.write_bytes(stored[:position] + bytes([stored[position] ^ 1]) + stored[position + 1 :])
        with pytest.raises(Damaged):
            store.verify_object(staged.object_id, staged.wrapped_key, staged.sha256, staged.size)


@pytest.fixture(scope="module")
def long_object(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Staged, Path, bytes]:
    folder = tmp_path_factory.mktemp("long")
    store = Store(folder / "files", KEYS)
    staged = kept(store, os.urandom(3 * CHUNK + 100))
    path = place(folder, staged)
    return store, staged, path, path.read_bytes()


@given(data=st.data())
def test_any_altered_byte_of_a_long_object_is_noticed(
    long_object: tuple[Store, Staged, Path, bytes], data: st.DataObject
) -> None:
    store, staged, path, stored = long_object
    position = data.draw(st.integers(0, len(stored) - 1))
    flip = data.draw(st.integers(1, 255))

    path.write_bytes(stored[:position] + bytes([stored[position] ^ flip]) + stored[position + 1 :])

    with pytest.raises(Damaged):
        whole(store.read(staged.object_id, staged.wrapped_key))


@given(data=st.data())
def test_an_object_cut_short_anywhere_is_noticed(
    long_object: tuple[Store, Staged, Path, bytes], data: st.DataObject
) -> None:
    store, staged, path, stored = long_object
    borders = [HEADER_SIZE + number * (CHUNK + TAG) for number in range(4)]
    near_a_border = st.sampled_from(borders).flatmap(lambda at: st.integers(max(0, at - 2), at + 2))
    length = data.draw(near_a_border | st.integers(0, len(stored) - 1))

    path.write_bytes(stored[:length])

    with pytest.raises(Damaged):
        whole(store.read(staged.object_id, staged.wrapped_key))


@pytest.mark.parametrize("added", [b"\x00", bytes(TAG), bytes(CHUNK + TAG)])
def test_bytes_added_at_the_end_are_noticed(long_object: tuple[Store, Staged, Path, bytes], added: bytes) -> None:
    store, staged, path, stored = long_object

    path.write_bytes(stored + added)

    with pytest.raises(Damaged):
        whole(store.read(staged.object_id, staged.wrapped_key))


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 2, 1, 3), (0, 1, 3), (0, 3), (3,), (0, 0, 1, 2, 3), (0, 1, 2, 2)])
def test_chunks_in_another_order_are_noticed(
    long_object: tuple[Store, Staged, Path, bytes], order: tuple[int, ...]
) -> None:
    store, staged, path, stored = long_object
    body = stored[HEADER_SIZE:]
    chunks = [body[at : at + CHUNK + TAG] for at in range(0, len(body), CHUNK + TAG)]

    path.write_bytes(stored[:HEADER_SIZE] + b"".join(chunks[number] for number in order))

    with pytest.raises(Damaged):
        whole(store.read(staged.object_id, staged.wrapped_key))


def test_an_object_put_in_the_place_of_another_is_noticed(store: Store, tmp_path: Path) -> None:
    first, second = kept(store, b"the real receipt"), kept(store, b"a forged receipt")
    place(tmp_path, first).write_bytes(place(tmp_path, second).read_bytes())

    for wrapped_key, code in [
        (first.wrapped_key, "file_header_damaged"),
        (second.wrapped_key, "file_key_unreadable"),
    ]:
        with pytest.raises(Damaged) as damage:
            store.read(first.object_id, wrapped_key)
        assert damage.value.code == code


def test_an_object_does_not_open_with_the_key_of_another_house(store: Store, tmp_path: Path) -> None:
    staged = kept(store, b"words")
    other_house = Store(tmp_path / "files", keys_from(os.urandom(32), os.urandom(32)))

    with pytest.raises(Damaged) as damage:
        other_house.read(staged.object_id, staged.wrapped_key)

    assert damage.value.code == "file_key_unreadable"


def test_damage_at_the_beginning_is_told_before_anything_is_sent(store: Store, tmp_path: Path) -> None:
    staged = kept(store, b"words")
    place(tmp_path, staged).write_bytes(b"")

    with pytest.raises(Damaged) as damage:
        store.read(staged.object_id, staged.wrapped_key)

    assert damage.value.code == "file_header_damaged"


def test_a_missing_object_is_told_before_anything_is_sent(store: Store) -> None:
    staged = kept(store, b"words")
    store.remove(staged.object_id)

    with pytest.raises(Damaged) as damage:
        store.read(staged.object_id, staged.wrapped_key)

    assert damage.value.code == "file_missing"


def test_an_entry_that_tells_another_file_is_noticed(store: Store) -> None:
    staged = kept(store, b"words")

    for sha256, size, code in [
        (hashlib.sha256(b"other").hexdigest(), staged.size, "file_digest_differs"),
        (staged.sha256, staged.size + 1, "file_size_differs"),
    ]:
        with pytest.raises(Damaged) as damage:
            store.verify_object(staged.object_id, staged.wrapped_key, sha256, size)
        assert damage.value.code == code


def test_removing_an_object_can_be_repeated(store: Store) -> None:
    staged = kept(store, b"words")

    store.remove(staged.object_id)
    store.remove(staged.object_id)

    assert list(store.objects()) == []
    with pytest.raises(Damaged):
        store.written_at(staged.object_id)


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 32, "a" * 31, "a" * 32 + "\n", "a" * 33])
def test_only_an_object_id_leads_to_a_place(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="32 hex digits"):
        store.remove(name)


def test_only_old_leftovers_are_swept(store: Store) -> None:
    day = 24 * 60 * 60 * 1000
    old = store.stage(io.BytesIO(b"old"), limit=LIMIT)
    young = store.stage(io.BytesIO(b"young"), limit=LIMIT)
    long_ago = (real_clock() - 2 * day) / 1000
    os.utime(old.path, (long_ago, long_ago))

    swept = store.sweep_staging(day, real_clock())

    assert swept == 1
    assert not old.path.exists()
    assert whole(store.read_staged(young)) == b"young"
