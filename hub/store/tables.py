"""Every table of the hub. Migrations in `migrations/` make them; a test keeps the two the same."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
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
