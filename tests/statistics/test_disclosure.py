"""Small numbers are hidden so that no sum, no row and no column gives them away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odr.statistics.disclosure import MARGIN, THRESHOLD, Cell, cross, crossed, divided, hidden_in
from tests.statistics.reader import at_most, sums_of


def one_level(*values: int) -> list[Cell]:
    counts = {"all": sum(values), **{f"part{place}": value for place, value in enumerate(values)}}
    return divided("all", {f"part{place}": {} for place in range(len(values))}, counts)


def two_ways(rows: list[list[int]]) -> list[Cell]:
    names, titles = [f"r{place}" for place in range(len(rows))], [f"c{place}" for place in range(len(rows[0]))]
    counts = {"all": sum(map(sum, rows))}
    counts |= {name: sum(row) for name, row in zip(names, rows, strict=True)}
    counts |= {title: sum(column) for title, column in zip(titles, zip(*rows, strict=True), strict=True)}
    counts |= {
        cross(name, title): value
        for name, row in zip(names, rows, strict=True)
        for title, value in zip(titles, row, strict=True)
    }
    return crossed("all", names, titles, counts)


def test_a_small_count_and_its_neighbour_are_hidden():
    assert hidden_in(one_level(3, 20, 40)) == {"part0", "part1"}


def test_zeros_are_shown():
    assert hidden_in(one_level(0, 20, 40)) == frozenset()


def test_a_count_of_ten_is_shown_and_one_of_nine_is_not():
    assert hidden_in(one_level(10, 20)) == frozenset()
    assert "part0" in hidden_in(one_level(9, 20))


def test_two_small_counts_that_hide_each_other_need_a_third_when_their_sum_is_small():
    assert hidden_in(one_level(2, 3, 30)) == {"part0", "part1", "part2"}
    assert hidden_in(one_level(6, 7, 30)) == {"part0", "part1"}


def test_a_small_whole_is_hidden_with_its_parts():
    assert hidden_in(one_level(3, 4)) == {"all", "part0", "part1"}


def test_what_stands_elsewhere_is_not_hidden_here_and_the_table_goes_instead_zeros_too():
    cells = one_level(5, 5, 0)

    assert hidden_in(cells, shown=frozenset({"all"})) == {"part0", "part1", "part2"}


def test_what_was_hidden_in_the_last_edition_comes_back_only_with_a_margin():
    before = frozenset({"part0"})

    assert "part0" in hidden_in(one_level(10 + MARGIN - 1, 40), before=before)
    assert hidden_in(one_level(10 + MARGIN, 40), before=before) == frozenset()


def test_in_a_table_of_two_ways_a_hidden_cell_cannot_be_had_from_the_other_sums():
    hidden = hidden_in(two_ways([[3, 20], [30, 40]]))

    assert hidden == {"r0.c0", "r0.c1", "r1.c0", "r1.c1"}


def test_parts_of_parts_are_hidden_as_one_table():
    counts = {"all": 40, "a": 20, "b": 20, "a.x": 3, "a.y": 17}
    hidden = hidden_in(divided("all", {"a": {"a.x": {}, "a.y": {}}, "b": {}}, counts))

    assert {"a.x", "a.y"} <= hidden
    assert "all" not in hidden


@given(st.lists(st.integers(0, 25), min_size=2, max_size=7), st.booleans())
def test_nobody_can_tell_that_a_hidden_count_of_one_level_is_small(values, whole_stands_elsewhere):
    cells = one_level(*values)

    no_small_count_can_be_told(cells, whole_stands_elsewhere)


@given(
    st.tuples(st.integers(2, 4), st.integers(2, 4)).flatmap(
        lambda shape: st.lists(
            st.lists(st.sampled_from([0, 0, 1, 2, 5, 9, 10, 12, 40]), min_size=shape[1], max_size=shape[1]),
            min_size=shape[0],
            max_size=shape[0],
        )
    ),
    st.booleans(),
)
def test_nobody_can_tell_that_a_hidden_count_of_two_ways_is_small(rows, whole_stands_elsewhere):
    no_small_count_can_be_told(two_ways(rows), whole_stands_elsewhere)


def test_the_reader_of_these_tests_sees_through_a_table_with_one_cell_blacked_out():
    cells = two_ways([[3, 20], [30, 40]])

    assert at_most("r0.c0", sums_of(cells), values_of(cells), frozenset({"r0.c0"}), 0) == 3
    assert at_most("r0.c0", sums_of(cells), values_of(cells), frozenset({"r0.c0", "r0.c1"}), 0) == 3


def no_small_count_can_be_told(cells: list[Cell], whole_stands_elsewhere: bool) -> None:
    """For a reader of all that is shown, each hidden small count could as well be one that would be shown."""
    values = values_of(cells)
    shown = frozenset({"all"}) if whole_stands_elsewhere and values["all"] >= THRESHOLD else frozenset[str]()
    hidden = hidden_in(cells, shown=shown)
    small = {key for key, value in values.items() if 0 < value < THRESHOLD}
    assert small - shown <= hidden
    least = 0 if any(values[key] == 0 for key in hidden) else 1
    for key in small:
        assert at_most(key, sums_of(cells), values, hidden, least) >= THRESHOLD, (key, values, sorted(hidden))


def values_of(cells: list[Cell]) -> dict[str, int]:
    return {cell.key: cell.value for cell in cells}
