"""Laws of the fold, tried on generated cases: any order of arrival gives the same rows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.registry.journeys import Deadline, End, Span
from tests.unit.journeys.making import (
    APPLIED,
    CASE,
    COMPLETED,
    DECIDED,
    HANDED_OVER,
    RATING,
    REOPENED,
    START,
    STEP,
    SUB_CASE_ENDED,
    SUBMITTED,
    WITHDRAWN,
    edition,
    event,
    journey,
    licence,
    match,
    step,
)

AGENCIES = ("bank", "city", "health", "tax")
RECEIPT = journey(
    step("check", owners=["tax", "city"], deadline=Deadline(field="due_at"), warn=Span(1, "days")),
    step("file", owners=["bank"], after=[["check"]], optional=True),
    id_="receipt",
    starts=licence().starts,
    ends=(End(match(COMPLETED), "completed", at="completed_at"), End(match(WITHDRAWN), "withdrawn")),
    deadline=Deadline(field="due_at"),
)
LINE = journey(
    step("check", by=match(STEP), owners=["tax"]),
    step("visit", by=match(STEP), owners=["city", "tax"], after=[["check"]]),
    id_="line",
    reopenings=licence().reopenings,
)
CHANGED = START + timedelta(hours=6)
BOOKS = [
    Book([edition(each), edition(replace(each, version=2), number=2, appended_at=CHANGED)])
    for each in (licence(), RECEIPT, LINE)
] + [Book([edition(appended_at=APPLIED), edition(licence(), number=2, appended_at=CHANGED)])]

moments = st.none() | st.integers(0, 90).map(lambda hours: START + timedelta(hours=hours))
data = st.fixed_dictionaries(
    {},
    optional={
        "step_id": st.sampled_from(["check", "visit", "photo", "advice", "decide", "pay", "none"]),
        "to_agency": st.sampled_from(AGENCIES),
        "journey": st.sampled_from(["inspection", "hunting"]),
        "due_at": moments,
        "completed_at": moments,
        "submitted_at": moments,
        "group": st.sampled_from(["a", "b"]),
        "handled_by": st.sampled_from(["p", "q"]),
        "retyped": st.booleans(),
        "parent_case": st.just("city/7"),
        "service_id": st.sampled_from(["x", "y"]),
    },
)
TYPES = (SUBMITTED, STEP, STEP, STEP, DECIDED, COMPLETED, WITHDRAWN, REOPENED, HANDED_OVER, RATING)


@st.composite
def events(draw):
    """One event; whole hours, so that many times tie; now and then an id used before."""
    type_ = draw(st.sampled_from([*TYPES, SUB_CASE_ENDED]))
    agency = "hub" if type_ == SUB_CASE_ENDED else draw(st.sampled_from(AGENCIES))
    hours = draw(st.integers(0, 12))
    return event(
        type_,
        agency,
        hours,
        id_=draw(st.sampled_from([None, None, None, "again"])),
        accepted=START + timedelta(hours=max(hours, draw(st.integers(0, 12)))),
        **draw(data),
    )


cases = st.lists(events(), min_size=1, max_size=14)
books = st.sampled_from(BOOKS)


class Tables:
    """What a store does: it goes on from the document, or folds anew from all events; rows replace rows."""

    def __init__(self, book):
        self.book = book
        self.events, self.document, self.pairs = [], None, Counter()
        self.steps, self.handoffs, self.rows = {}, {}, None

    def arrive(self, batch, reached=0):
        fold = Fold.of(CASE, self.document, self.book) if self.document else None
        self.events += batch
        found = [fold and fold.advance(each, reached) for each in sorted(batch, key=lambda each: each.order)]
        if fold is None or None in found:
            fold = Fold.fold(CASE, self.events, self.book, reached=reached)
            self.pairs = Counter(fold.pairs)
        else:
            self.pairs.update(pair for pairs in found for pair in pairs)
        self.keep(fold)

    def keep(self, fold):
        self.rows = fold.rows()
        if self.rows.whole:
            self.steps, self.handoffs = {}, {}
        self.steps |= {(row.step, row.run): row for row in self.rows.steps}
        self.handoffs |= {row.number: row for row in self.rows.handoffs}
        self.document = json.loads(json.dumps(fold.document()))


@settings(max_examples=120, deadline=None)
@given(cases, books, st.data())
def test_any_order_of_arrival_in_any_batches_gives_the_rows_of_the_fold_in_order(case, book, data):
    """One by one or in batches, each time from the document as it was stored; right after each of them."""
    tables, left = Tables(book), data.draw(st.permutations(case))
    while left:
        size = data.draw(st.integers(1, 3))
        tables.arrive(left[:size])
        left = left[size:]
        whole = Fold.fold(CASE, tables.events, book)
        rows = whole.rows()
        assert tables.rows.case == rows.case
        assert tables.rows.watches == rows.watches
        assert tables.rows.ended == rows.ended
        assert tables.steps == {(row.step, row.run): row for row in rows.steps}
        assert tables.handoffs == {row.number: row for row in rows.handoffs}
        assert tables.pairs == Counter(whole.pairs)
        assert tables.document == json.loads(json.dumps(whole.document()))


@settings(deadline=None)
@given(cases, books)
def test_sums_hold(case, book):
    """Each step is in one state; pairs are one fewer than events; hand-offs lie between agencies."""
    fold = Fold.fold(CASE, case, book)
    rows = fold.rows()
    latest = {row.step: row for row in sorted(rows.steps, key=lambda row: row.run)}
    of_state = Counter(row.state for row in latest.values())
    journey = book.named(rows.case.journey, rows.case.journey_version)[0] if rows.case.journey else None
    assert sum(of_state.values()) == (len(journey.steps) if journey else 0)
    assert set(of_state) <= {"done", "open", "waiting", "skipped", "dropped"}
    ended = rows.case.state in ("completed", "withdrawn")
    assert not (ended and (of_state["open"] or of_state["waiting"] or rows.watches))
    assert not (rows.case.state == "open" and of_state["dropped"])
    assert (rows.case.ended_at is not None) == ended
    assert Counter(pair.level for pair in fold.pairs) == Counter(
        dict.fromkeys(["unit", "person"], max(rows.case.events - 1, 0))
    )
    assert all(row.giver != row.holder for row in rows.handoffs)
    assert [row.number for row in rows.handoffs] == list(range(1, len(rows.handoffs) + 1))
    assert rows.case.steps_retyped <= rows.case.steps_told
    assert all(row.seconds is None or row.seconds >= 0 for row in rows.steps)


@settings(deadline=None)
@given(cases, books)
def test_a_document_read_and_written_is_the_same(case, book):
    """Nothing is lost on the way through JSON, and the rows that follow from it are the same."""
    fold = Fold.fold(CASE, case, book)
    document = json.loads(json.dumps(fold.document()))
    again = Fold.of(CASE, document, book)
    assert again.document() == fold.document()
    fold.written()
    assert again.rows() == fold.rows()


def test_a_document_does_not_grow_with_the_events_of_its_case():
    """Two thousand events more between two agencies: hand-offs, ids and activities leave no trace in it."""

    def size(count):
        told = [
            event(STEP, AGENCIES[n % 2], n, offset=n, handled_by=f"p{n % 7}", activity_code=f"a{n % 9}")
            for n in range(1, count)
        ]
        fold = Fold.fold(CASE, [event(SUBMITTED), *told], BOOKS[0])
        return len(json.dumps(fold.document()))

    assert size(2100) <= size(100) + 300
    assert size(2100) < 1200
