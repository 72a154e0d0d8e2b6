"""Every table of the hub. Migrations in `migrations/` make them; a test keeps the two the same."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


consumer_position = Table(
    "consumer_position",
    metadata,
    _text("consumer"),
    _text("topic"),
    Column("partition", Integer, nullable=False),
    _number("next"),
    PrimaryKeyConstraint("consumer", "topic", "partition"),
    comment="The next offset of a consumer whose rows are written in the same transaction.",
)

feed = Table(
    "feed",
    metadata,
    Column("partition", Integer, nullable=False),
    _number("offset"),
    Column("appended_at", DateTime(timezone=True), nullable=False),
    _text("route"),
    _number("seq"),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("origin_offset"),
    _text("accepted_at"),
    _text("agreement"),
    _text("purpose", nullable=True),
    _text("event_id"),
    _text("source"),
    _text("agency"),
    _text("subsystem", nullable=True),
    _text("type"),
    _text("time"),
    Column("event_time", DateTime(timezone=True), nullable=False),
    _text("subject", nullable=True),
    _text("caseid", nullable=True),
    _text("causationid", nullable=True),
    _text("channel", nullable=True),
    Column("masked", ARRAY(Text), nullable=False),
    Column("schema_id", Integer, nullable=False),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
    Index(None, "type", "partition", "offset"),
    Index(None, "agency", "partition", "offset"),
    Index(None, "caseid", "partition", "offset"),
    Index(None, "event_id"),
    comment="One row per delivery of agency.window.inbox; partition and offset are its place there.",
)

catalogue = Table(
    "catalogue",
    metadata,
    _text("kind"),
    _text("agency"),
    _text("id"),
    _text("type"),
    _text("event_id"),
    _text("time"),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
    Column("first_accepted_at", DateTime(timezone=True), nullable=False),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("origin_offset"),
    _number("events"),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("kind", "agency", "id"),
    comment="Services and datasets as last declared; the feed keeps every declaration.",
)

route_sequence = Table(
    "route_sequence",
    metadata,
    _text("consumer"),
    Column("partition", Integer, nullable=False),
    _text("route"),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("last"),
    PrimaryKeyConstraint("consumer", "partition", "route", "origin_topic", "origin_partition"),
    comment="The last hub-seq that a consumer saw per route and source partition.",
)

sequence_fault = Table(
    "sequence_fault",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("consumer"),
    Column("partition", Integer, nullable=False),
    _number("offset"),
    _text("route"),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _text("kind"),
    _number("expected"),
    _number("found"),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="Gaps and repeats of hub-seq that a consumer met; should be empty.",
)

audit_cut = Table(
    "audit_cut",
    metadata,
    Column("id", Integer, nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True), nullable=False),
    Column("lag_seconds", Double, nullable=False),
    PrimaryKeyConstraint("id"),
    comment="One row: the moment of the last cut that the audit has judged whole. None: not yet.",
)

audit_intake = Table(
    "audit_intake",
    metadata,
    _text("topic"),
    Column("partition", Integer, nullable=False),
    *(_number(name) for name in ("began", "cut", "read", "routed", "unclaimed", "duplicate")),
    Column("parked", JSONB, nullable=False),
    *(_number(name) for name in ("expired_unread", "unaudited", "missing", "doubled", "altered")),
    PrimaryKeyConstraint("topic", "partition"),
    comment="The audit's count of each source partition up to its cut.",
)

audit_lane = Table(
    "audit_lane",
    metadata,
    _text("route"),
    _text("topic"),
    Column("partition", Integer, nullable=False),
    _text("recipient"),
    Column("inbox_partition", Integer, nullable=False),
    *(_number(name) for name in ("accepted", "delivered", "pending", "rejected", "expired")),
    *(_number(name) for name in ("missing", "doubled", "altered", "out_of_order")),
    *(_number(name) for name in ("before", "last_seq", "last_origin")),
    Column("oldest_pending_ms", BigInteger, nullable=True),
    PrimaryKeyConstraint("route", "topic", "partition"),
    comment="The audit's count of each route from each source partition, up to the cut.",
)

audit_fault = Table(
    "audit_fault",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("route"),
    _text("kind"),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("origin_offset"),
    _number("edition"),
    _number("at_ms"),
    _text("found_topic", nullable=True),
    Column("found_partition", Integer, nullable=True),
    Column("found_offset", BigInteger, nullable=True),
    _text("detail"),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index(None, "route", "origin_topic", "origin_partition", "origin_offset"),
    comment="Each fault that the audit found; the route is empty where it is the intake's.",
)

audit_repair = Table(
    "audit_repair",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("route"),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("origin_offset"),
    Column("kinds", ARRAY(Text), nullable=False),
    _text("action"),
    _text("by"),
    _text("reason"),
    _number("at_ms"),
    Index(None, "route", "origin_topic", "origin_partition", "origin_offset"),
    comment="Faults mended, by route and origin; kinds empty: every kind.",
)

audit_carry = Table(
    "audit_carry",
    metadata,
    _text("name"),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("name"),
    comment="What the audit needs to go on after a restart, beside its figures.",
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("taken_at", DateTime(timezone=True), nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("taken_at"),
    comment="The audit's whole state of a day; a rebuild begins there once retention has removed logs.",
)

parked = Table(
    "parked",
    metadata,
    Column("partition", Integer, nullable=False),
    _number("offset"),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("origin_offset"),
    _text("agency"),
    _text("owner"),
    _text("reason"),
    _text("detail"),
    _text("event_id", nullable=True),
    _text("event_type", nullable=True),
    _text("replay_of", nullable=True),
    Column("bytes", BigInteger, nullable=False),
    Column("parked_at", DateTime(timezone=True), nullable=False),
    _text("state"),
    Column("settled_at", DateTime(timezone=True), nullable=True),
    _text("settled_by", nullable=True),
    _text("note", nullable=True),
    PrimaryKeyConstraint("partition", "offset"),
    Index(None, "origin_topic", "origin_partition", "origin_offset"),
    Index(None, "state", "agency", "reason"),
    comment="One row per record of hub.parked, its contents left out; state: open, replayed, discarded.",
)

parked_settlement = Table(
    "parked_settlement",
    metadata,
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("origin_offset"),
    _text("state"),
    Column("settled_at", DateTime(timezone=True), nullable=False),
    _text("settled_by"),
    _text("note", nullable=True),
    _text("accepted_at"),
    Column("record_partition", Integer, nullable=False),
    _number("record_offset"),
    PrimaryKeyConstraint("origin_topic", "origin_partition", "origin_offset"),
    comment="The first settlement of each origin, which may be read before the parked event itself.",
)

parked_request = Table(
    "parked_request",
    metadata,
    _text("request_id"),
    _text("action"),
    Column("origins", ARRAY(Text), nullable=False),
    _text("requested_by"),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    _text("note", nullable=True),
    _text("state"),
    _text("decided_by", nullable=True),
    Column("decided_at", DateTime(timezone=True), nullable=True),
    _text("decided_note", nullable=True),
    PrimaryKeyConstraint("request_id"),
    comment="Requests to settle many parked events at once; state: open, confirmed, declined.",
)
