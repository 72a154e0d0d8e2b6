"""Ticks: one for each partition, on that partition, the same whoever tells the moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from hub.broker.ticks import TICKED, tick, tick_id, whole
from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts

CODEC = Codec(Contracts.load())
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.sampled_from([1, 2, 4, 8]), st.data())
def test_a_tick_falls_on_the_partition_that_it_is_meant_for(moment, partitions, data):
    """Its key is its id, as the rule of keys wants; murmur2 puts it there as every producer does."""
    partition = data.draw(st.integers(0, partitions - 1))
    made = tick(CODEC, moment, partition, partitions)
    told = envelope.read_headers(made.headers)
    assert made.key == told.id.encode() == told.key.encode()
    assert (murmur2(made.key) & 0x7FFFFFFF) % partitions == partition
    assert told.type == TICKED


def test_a_moment_has_the_same_ids_in_every_zone_and_each_partition_its_own():
    """What two processes tell is the same event, byte for byte."""
    moment = datetime(2026, 11, 22, 5, tzinfo=UTC)
    there = moment.astimezone(timezone(timedelta(hours=3, minutes=30)))
    assert tick(CODEC, moment, 2, 4) == tick(CODEC, there, 2, 4)
    assert len({tick_id(moment, each, 4) for each in range(4)}) == 4
    _, data = CODEC.decode(tick(CODEC, moment, 2, 4).value)
    assert data == {"moment": int(moment.timestamp() * 1000), "place": 2}


@given(MOMENTS, st.sampled_from([0.5, 1, 60, 3600]))
def test_everybody_tells_the_same_whole_moment_within_an_interval(now, seconds):
    """The last one that is not after now, counted from 1970."""
    moment = whole(now, seconds)
    assert timedelta(0) <= now - moment < timedelta(seconds=seconds)
    assert whole(moment, seconds) == moment
