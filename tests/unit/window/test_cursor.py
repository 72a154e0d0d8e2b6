"""The feed's cursor: opaque, resumable, without gap or repeat while rows arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ContractError
from hub.window.cursor import Cursor, decode, page

START = datetime(2026, 3, 21, tzinfo=UTC)


@dataclass(frozen=True)
class Placed:
    partition: int
    offset: int
    appended_at: datetime


@st.composite
def logs(draw):
    """Up to four partitions; offsets with gaps, a broker clock that may step back."""
    made = []
    for partition in range(draw(st.integers(1, 4))):
        offset = 0
        for _ in range(draw(st.integers(0, 12))):
            offset += draw(st.integers(1, 5))
            made.append(Placed(partition, offset, START + timedelta(seconds=draw(st.integers(-20, 20)))))
    return made


def heads(rows, cursor, most):
    """Give what the database would: per partition, from the cursor on, at most so many."""
    found = {}
    for row in sorted(rows, key=lambda each: (each.partition, each.offset)):
        if row.offset >= cursor.places.get(row.partition, 0):
            found.setdefault(row.partition, []).append(row)
    return [each[:most] for each in found.values()]


@given(log=logs(), limit=st.integers(1, 7), data=st.data())
def test_every_row_comes_once_and_in_order_while_partitions_grow_unevenly(log, limit, data):
    """Rows become visible partition by partition between pages; a lagging partition is never skipped."""
    visible = {}
    ends = {row.partition: max(each.offset for each in log if each.partition == row.partition) for row in log}
    cursor, seen = Cursor(), []
    for _ in range(200):
        rows = [row for row in log if row.offset <= visible.get(row.partition, -1)]
        got = page(heads(rows, cursor, limit + 1), limit)
        seen += got
        cursor = decode(cursor.after(got).encode())
        if not got:
            if all(visible.get(each, -1) >= end for each, end in ends.items()):
                break
            lagging = [each for each, end in ends.items() if visible.get(each, -1) < end]
            grown = data.draw(st.sampled_from(lagging))
            visible[grown] = visible.get(grown, -1) + data.draw(st.integers(1, 80))
    assert sorted(seen, key=lambda each: (each.partition, each.offset)) == log
    for partition in ends:
        own = [row.offset for row in seen if row.partition == partition]
        assert own == sorted(own)


@given(log=logs(), limit=st.integers(1, 9))
def test_a_page_goes_by_the_brokers_time_over_partitions(log, limit):
    """Where no clock stepped back, one page is the earliest rows, in their order."""
    ordered = sorted(log, key=lambda each: (each.partition, each.offset))
    times = {}
    straight = []
    for row in ordered:
        times[row.partition] = max(times.get(row.partition, START), row.appended_at)
        straight.append(Placed(row.partition, row.offset, times[row.partition]))
    got = [row.appended_at for row in page(heads(straight, Cursor(), limit + 1), limit)]
    assert got == sorted(row.appended_at for row in straight)[:limit]


@given(places=st.dictionaries(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), max_size=20))
def test_a_cursor_survives_its_text(places):
    """Encoded and decoded, it is the same; its text fits into an address without escapes."""
    text = Cursor(places).encode("type=x")
    assert decode(text, "type=x") == Cursor(places)
    assert text.replace("-", "a").replace("_", "a").isalnum()


def test_a_cursor_serves_its_own_question_only():
    """Other filters with an old cursor would skip events silently."""
    text = Cursor({0: 5}).encode("type=x")
    for question in ("", "type=y"):
        with pytest.raises(ContractError, match="another query"):
            decode(text, question)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_any_other_text_is_refused_in_one_sentence(text):
    """Nothing but ContractError comes out of a foreign text."""
    with pytest.raises(ContractError, match="cursor"):
        decode(text)
