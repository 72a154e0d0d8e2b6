"""What flowed between agencies, counted again from the deliveries themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import Message

from hub.broker.records import record_of
from hub.broker.stretch import Stretch
from hub.contracts import delivery, topics
from hub.contracts.moments import moment, month_of
from hub.contracts.names import AgencyCode
from hub.errors import ContractError
from hub.indicators.inputs import Flow
from hub.registry.model import Registry
from hub.settings import Settings

_STALLED_SECONDS = 30.0


@dataclass(frozen=True)
class Recount:
    """Flows by source, recipient and month; and inbox partitions whose beginning retention has removed."""

    flows: tuple[Flow, ...]
    cut_off: tuple[str, ...]


def recount(settings: Settings, registry: Registry, cut: Mapping[str, int], zone: str) -> Recount:
    """Count every inbox anew, once each, of origins below the cut of their outbox (`topic/partition`).

    Raises BrokerUnavailableError or BrokerError.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    cut_off = []
    for code, agency in sorted(registry.agencies.items()):
        seen: set[tuple[str, str]] = set()
        stretch = Stretch(settings, topics.READER_PRINCIPAL, topics.inbox(code))
        try:
            ends = {partition: stretch.ends(partition) for partition in range(agency.partitions)}
            cut_off += [
                f"{topics.inbox(code)}/{partition} begins at offset {low}"
                for partition, (low, _) in ends.items()
                if low > 0
            ]
            starts = {partition: low for partition, (low, _) in ends.items()}
            stops = {partition: high for partition, (_, high) in ends.items()}
            for messages in stretch.read(starts, stops, _STALLED_SECONDS):
                counts.update(_counted(code, messages, cut, zone, seen))
        finally:
            stretch.close()
    return Recount(tuple(Flow(*key, number) for key, number in sorted(counts.items())), tuple(cut_off))


def _counted(
    recipient: AgencyCode,
    messages: Iterable[Message],
    cut: Mapping[str, int],
    zone: str,
    seen: set[tuple[str, str]],
) -> Iterable[tuple[str, str, str]]:
    """Give source, recipient and month of each delivery that counts; what the gate did not write does not."""
    for message in messages:
        try:
            found = delivery.read(record_of(message).headers)
            month = month_of(moment(found.accepted_at), zone)
        except (ContractError, ValueError):
            continue
        origin = found.origin
        key = found.route, str(origin)
        if key in seen or origin.offset >= cut.get(f"{origin.topic}/{origin.partition}", 0):
            continue
        seen.add(key)
        yield str(topics.agency_of(origin.topic)[0]), str(recipient), month
