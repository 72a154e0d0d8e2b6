"""The only place where a topic, a consumer group or a principal gets its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hub.contracts.names import AgencyCode, agency_code
from hub.errors import ContractError

REGISTRY = "hub.registry"
PARKED = "hub.parked"
LEDGER = "hub.ledger"
INDICATORS = "hub.indicators"

OUTBOX_PATTERN = r"^agency\.[a-z][a-z0-9-]*\.outbox$"

GATE_GROUP = "hub.gate"
ADMIN_PRINCIPAL = "hub.admin"
GATE_PRINCIPAL = "hub.gate"
PROJECTOR_PRINCIPAL = "hub.projector"
READER_PRINCIPAL = "hub.reader"
AUDIT_PRINCIPAL = "hub.audit"
CASES_PRINCIPAL = "hub.cases"
INDICATORS_PRINCIPAL = "hub.indicators"
HUB_PRINCIPALS = (
    GATE_PRINCIPAL,
    PROJECTOR_PRINCIPAL,
    READER_PRINCIPAL,
    AUDIT_PRINCIPAL,
    CASES_PRINCIPAL,
    INDICATORS_PRINCIPAL,
)
"""The hub's own principals, each with ACLs of its own; ADMIN_PRINCIPAL, a super user, is not among them."""
OPERATOR_PREFIX = "operator."
"""Beginning of every operator's principal; no agency's code holds a dot."""

PARKED_GROUP = f"{PROJECTOR_PRINCIPAL}.parked"
DESK_PREFIX = "hub.desk."
DESK_SETTLING = f"{DESK_PREFIX}settling"
"""The one transactional id under which parked events are settled: who begins ends whoever was before."""
DESK_MENDING = f"{DESK_PREFIX}mending"
"""The one transactional id under which the ledger's faults are mended; as DESK_SETTLING."""

HUB = AgencyCode("hub")
WINDOW = AgencyCode("window")
SUPERVISION = AgencyCode("supervision")
SYSTEM_AGENCIES = (HUB, WINDOW, SUPERVISION)

DEFAULT_PARTITIONS = 4
EVENT_BYTES = 900_000
"""An event's key + value + headers, uncompressed: the most that the gate takes (`too-large` beyond)."""
HEADROOM_BYTES = 500_000
"""What the hub's own topics and producers allow on top, for the headers that the hub adds."""
AGENCY_RETENTION_MS = 14 * 24 * 3600 * 1000

_AGENCY_TOPIC = re.compile(r"agency\.([a-z][a-z0-9-]*)\.(outbox|inbox|receipts)")

AgencyTopicKind = Literal["outbox", "inbox", "receipts"]


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic must exist: its name, partition count and configuration."""

    name: str
    partitions: int
    config: dict[str, str]


def outbox(agency: AgencyCode) -> str:
    """Return the topic an agency writes to."""
    return f"agency.{agency}.outbox"


def inbox(agency: AgencyCode) -> str:
    """Return the topic an agency reads from."""
    return f"agency.{agency}.inbox"


def receipts(agency: AgencyCode) -> str:
    """Return the topic that tells an agency about its own events."""
    return f"agency.{agency}.receipts"


def agency_of(topic: str) -> tuple[AgencyCode, AgencyTopicKind]:
    """Return the agency and kind of an agency's topic, or raise ContractError."""
    match = _AGENCY_TOPIC.fullmatch(topic)
    if match is None:
        raise ContractError(f"{topic!r} is no agency's topic.")
    kind: AgencyTopicKind = match[2]  # type: ignore[assignment]
    return agency_code(match[1]), kind


def group(agency: AgencyCode) -> str:
    """Return the consumer group whose commits count as *delivered* for this agency."""
    return f"agency.{agency}"


def operator(name: AgencyCode) -> str:
    """Return the principal of an operator; a name is written as an agency's code is."""
    return f"{OPERATOR_PREFIX}{name}"


def gate_transactional_id(slot: int) -> str:
    """Return the transactional id of one gate slot."""
    return f"{GATE_GROUP}.{slot}"


def agency_topics(agency: AgencyCode, partitions: int = DEFAULT_PARTITIONS) -> tuple[TopicSpec, ...]:
    """Return an agency's three topics, kept 14 days; the inboxes of the system's own agencies keep all."""
    kept = "-1" if agency in SYSTEM_AGENCIES else str(AGENCY_RETENTION_MS)
    return (
        TopicSpec(outbox(agency), partitions, _log(str(AGENCY_RETENTION_MS), EVENT_BYTES)),
        TopicSpec(inbox(agency), partitions, _log(kept, EVENT_BYTES + HEADROOM_BYTES)),
        TopicSpec(receipts(agency), 1, _log(str(AGENCY_RETENTION_MS), EVENT_BYTES + HEADROOM_BYTES)),
    )


def hub_topics() -> tuple[TopicSpec, ...]:
    """Return the hub's own topics."""
    return (
        TopicSpec(REGISTRY, 1, _compacted()),
        TopicSpec(PARKED, DEFAULT_PARTITIONS, _log("-1", EVENT_BYTES + HEADROOM_BYTES)),
        TopicSpec(LEDGER, DEFAULT_PARTITIONS, _compacted()),
        TopicSpec(INDICATORS, 1, _compacted()),
    )


def _log(retention_ms: str, max_bytes: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": retention_ms,
        "max.message.bytes": str(max_bytes),
    }


def _compacted() -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(EVENT_BYTES + HEADROOM_BYTES),
        # Without these a hand-over rereads an active segment that is never compacted.
        "segment.ms": str(10 * 60 * 1000),
        "min.cleanable.dirty.ratio": "0.1",
    }
