"""What follows from what: the equations behind suppression."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from hub.indicators.hiding import Hiding
from hub.indicators.solving import Equation, followed

NAMES = "abcdefgh"
equations = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), min_size=1, max_size=4)).map(
        lambda each: Equation(each[0], tuple(sorted(each[1] - {each[0]})))
    ),
    max_size=7,
)


def unique(rows, unseen):
    """Return the names with one solution only, by bringing the rows to reduced echelon form."""
    columns = sorted(unseen)
    matrix = [[Fraction((name == row.whole) - (name in row.parts)) for name in columns] for row in rows]
    done = 0
    for column in range(len(columns)):
        pivot = next((i for i in range(done, len(matrix)) if matrix[i][column]), None)
        if pivot is None:
            continue
        matrix[done], matrix[pivot] = matrix[pivot], matrix[done]
        matrix[done] = [each / matrix[done][column] for each in matrix[done]]
        for i, row in enumerate(matrix):
            if i != done and row[column]:
                matrix[i] = [a - row[column] * b for a, b in zip(row, matrix[done], strict=True)]
        done += 1
    alone = [[i for i, each in enumerate(row) if each] for row in matrix]
    return {columns[places[0]] for places in alone if len(places) == 1}


@given(equations, st.sets(st.sampled_from(NAMES)))
def test_what_follows_is_what_elimination_with_fractions_says(rows, unseen):
    """The random solution in a prime field finds exactly the names that have one solution only."""
    assert followed(rows, unseen) == unique(rows, unseen)


def test_a_bridge_between_two_blocks_of_hidden_cells_is_found():
    """Two blocks of four hidden cells and one between them: no row or column has it alone, yet it follows.

    The first two rows less the first two columns are the cell between the blocks.
    """
    size = range(4)
    blocks = {*product((0, 1), (0, 1)), *product((2, 3), (2, 3))}
    between = (1, 2)
    rows = [Equation(("row", i), tuple((i, j) for j in size)) for i in size]
    rows += [Equation(("column", j), tuple((i, j) for i in size)) for j in size]
    assert followed(rows, blocks | {between}) == {between}
    numbers = {(i, j): 40 + 4 * i + j for i, j in product(size, size)}
    numbers |= {row.whole: sum(numbers[part] for part in row.parts) for row in rows}
    reveals = [[name] for name in numbers]
    hiding = Hiding(reveals, numbers, rows, (), smallest=5, order=str)
    hiding.hide([*sorted(blocks), between])
    assert len(hiding.hidden) > len(blocks) + 1
    assert not followed(rows, {name for name in numbers if not hiding.seen(name)}) & hiding.hidden
