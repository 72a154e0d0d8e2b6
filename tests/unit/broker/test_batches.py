"""Batches of a live runner: full or lingered, of this epoch only, and when a partition has been caught up."""

from __future__ import annotations

import asyncio

import pytest

from hub.broker.batches import Batches, starts
from hub.contracts.record import Record
from hub.errors import StoreError


def record(offset, partition=0, size=1):
    return Record("t", partition, offset, 0, None, b"x" * size, ())


def run(work):
    return asyncio.run(asyncio.wait_for(work, 10))


async def begun(most=10, linger=0.01, places=None, ends=None):
    batches = Batches(most, linger)
    batches.begin(places or {0: 5}, ends or {0: 5})
    return batches


def offsets(records):
    return [each.offset for each in records]


def test_a_batch_holds_what_came_while_it_lingered():
    """Records added one after another come out together, in their order."""

    async def work():
        batches = await begun()
        await batches.add([record(5)], batches.epoch)
        await batches.add([record(7), record(8)], batches.epoch)
        return await batches.take()

    epoch, records = run(work())
    assert (epoch, offsets(records)) == (1, [5, 7, 8])


def test_a_full_batch_does_not_linger_and_nobody_adds_beyond_it():
    """Who adds waits until the worker has taken; a batch is never larger than it may be."""

    async def work():
        batches = await begun(most=2, linger=60)
        adding = asyncio.create_task(batches.add([record(5), record(6), record(7)], batches.epoch))
        await asyncio.sleep(0)
        assert not adding.done()
        first = await batches.take()
        await adding
        batches._linger = 0
        return offsets(first[1]), offsets((await batches.take())[1])

    assert run(work()) == ([5, 6], [7])


def test_many_bytes_fill_a_batch_too():
    """Large records make nobody wait for more of them."""

    async def work():
        batches = await begun(most=1000, linger=60)
        adding = asyncio.create_task(batches.add([record(5, size=20 * 2**20)], batches.epoch))
        taken = await batches.take()
        await adding
        return offsets(taken[1])

    assert run(work()) == [5]


def test_a_record_of_another_epoch_hides_nothing():
    """Fetched before a hand-over, it is passed over: the records before it are still to come."""

    async def work():
        batches = await begun()
        old = batches.epoch
        batches.begin({0: 5}, {0: 5})
        await batches.add([record(9)], old)
        await batches.add([record(5), record(6)], batches.epoch)
        return await batches.take()

    assert offsets(run(work())[1]) == [5, 6]


def test_what_is_behind_or_of_another_partition_is_passed_over():
    """Read again after a seek, or never taken over: not this worker's."""

    async def work():
        batches = await begun()
        await batches.add([record(4), record(5)], batches.epoch)
        await batches.add([record(5), record(6)], batches.epoch)
        await batches.add([record(1, partition=3)], batches.epoch)
        return await batches.take()

    assert offsets(run(work())[1]) == [5, 6]


def test_after_closing_the_places_stay_and_nothing_is_added():
    """A drain finishes what the worker has in hand, and its place still counts."""

    async def work():
        batches = await begun()
        await batches.add([record(5)], batches.epoch)
        epoch, records = await batches.take()
        batches.close()
        await batches.add([record(6)], batches.epoch)
        batches.done(epoch, records)
        return batches.places, batches._records

    assert run(work()) == ({0: 6}, [])


def test_work_of_an_epoch_that_is_over_moves_no_place():
    """What a worker finished after its partitions went says nothing about the new ones."""

    async def work():
        batches = await begun()
        await batches.add([record(5)], batches.epoch)
        epoch, records = await batches.take()
        batches.begin({0: 5}, {0: 5})
        batches.done(epoch, records)
        return batches.places

    assert run(work()) == {0: 5}


def test_a_partition_is_caught_up_when_all_before_its_end_is_worked_on():
    """Markers at the end are read and never handed on; records in between have to be done first."""

    async def work():
        batches = await begun(places={0: 5, 1: 0}, ends={0: 9, 1: 0})
        epoch = batches.epoch
        batches.read_to(epoch, 1, 0, None)
        seen = [batches.caught_up]
        await batches.add([record(5)], epoch)
        batches.read_to(epoch, 0, 6, 5)
        seen.append(batches.caught_up)
        batches.read_to(epoch, 0, 9, None)
        seen.append(batches.caught_up)
        batches.done(*await batches.take())
        seen.append(batches.caught_up)
        await batches.add([record(9)], epoch)
        batches.read_to(epoch, 0, 10, 9)
        seen.append(batches.caught_up)
        batches.drop()
        return [*seen, batches.caught_up]

    one, both = frozenset({1}), frozenset({0, 1})
    assert run(work()) == [one, one, one, both, both, frozenset()]


def test_reading_begins_where_the_database_is_else_where_the_log_begins():
    """And a database at a place that the log does not hold is refused in one sentence."""
    assert starts("t", {0: 7, 1: None}, {0: 3, 1: 2}, {0: 9, 1: 9}) == {0: 7, 1: 2}
    for wrong in (2, 10):
        with pytest.raises(StoreError, match="do not belong together"):
            starts("t", {0: wrong}, {0: 3}, {0: 9})
