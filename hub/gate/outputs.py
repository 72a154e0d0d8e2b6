"""What the gate writes for a verdict: deliveries, parked records, receipts; as values.

A parked record is the original's key, value and headers byte for byte, forged `hub-…` headers included; the
hub's own headers are appended, so a reader takes the last of each name. Null and empty stay apart.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.moments import rfc3339
from hub.contracts.names import RECEIPT
from hub.contracts.record import Record
from hub.gate.checks import owner
from hub.gate.partition import SourcePartition
from hub.gate.verdict import Delivery, Kind, Reason, Verdict

PREFIX_BYTES = 4096
"""How much of a too-large event's value is kept with its parked record."""
_KEY_BYTES = 512

ParkedHeaders = list[tuple[str, bytes | None]]


def moment(at: datetime) -> bytes:
    """Return a time as the hub's headers write it: RFC 3339, UTC, milliseconds, `Z`."""
    return rfc3339(at).encode()


def delivery_headers(
    delivery: Delivery, seq: int, origin: bytes, accepted_at: bytes
) -> list[tuple[str, bytes]]:
    """Return all headers of a delivery: the event's own, then the hub's."""
    return [
        *delivery.headers,
        *delivery.route.stamp,
        (envelope.SEQ, str(seq).encode()),
        (envelope.ORIGIN, origin),
        (envelope.ACCEPTED_AT, accepted_at),
    ]


def parked_record(
    record: Record, verdict: Verdict, at: bytes
) -> tuple[bytes | None, bytes | None, ParkedHeaders]:
    """Return key, value and headers of a parked event; of a too-large one digest, size and a prefix."""
    stamp: ParkedHeaders = [
        (envelope.REASON, (verdict.reason or Reason.PROCESSOR).encode()),
        (envelope.DETAIL, verdict.detail.encode("utf-8", "replace")),
        (envelope.ORIGIN, record.origin.encode()),
        (envelope.PARKED_AT, at),
    ]
    if verdict.reason is not Reason.TOO_LARGE:
        return record.key, record.value, [*record.headers, *stamp]
    key = record.key if record.key is not None and len(record.key) <= _KEY_BYTES else None
    value = record.value[:PREFIX_BYTES] if record.value is not None else None
    digest = hashlib.sha256(record.value or b"").hexdigest()
    size = [(envelope.DIGEST, f"sha-256:{digest}".encode()), (envelope.SIZE, b"%d" % record.size)]
    return key, value, [*size, *stamp]


def receipt_key(topic: str, partition: int) -> bytes:
    """Return the key of a receipt: the source partition it speaks of."""
    return f"{topic}/{partition}".encode()


def refusal_receipt(codec: Codec, record: Record, verdict: Verdict, at: datetime) -> bytes:
    """Return the receipt, framed, that tells a source at once which event was parked and why."""
    return codec.encode(
        RECEIPT,
        {
            "kind": "refused",
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "event_id": verdict.event_id,
            "event_type": verdict.event_type,
            "reason": str(verdict.reason),
            "detail": verdict.detail,
            "decided_at": at,
        },
    )


def progress_receipt(codec: Codec, state: SourcePartition, at: datetime, registry: int) -> bytes:
    """Return the framed receipt that says how far a source partition is decided, and the batch's counts.

    `registry` is the edition of the agency registry that the batch was decided by.
    """
    return codec.encode(
        RECEIPT,
        {
            "kind": "progress",
            "topic": state.topic,
            "partition": state.partition,
            "next": state.next,
            "decided_at": at,
            "registry": registry,
            **{kind.value: state.batch[kind] for kind in Kind},
        },
    )


def receipts_topic(source_topic: str) -> str:
    """Return the topic on which the owner of an outbox gets its receipts."""
    return topics.receipts(owner(source_topic))
