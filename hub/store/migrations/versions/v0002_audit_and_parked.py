"""The audit's books, and parked events as a workplace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    _audit()
    _parked()


def _audit() -> None:
    op.create_table(
        "audit_cut",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lag_seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_cut")),
        comment="One row: the moment of the last cut that the audit has judged whole. None: not yet.",
    )
    op.create_table(
        "audit_intake",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("cut", sa.BigInteger(), nullable=False),
        sa.Column("read", sa.BigInteger(), nullable=False),
        sa.Column("routed", sa.BigInteger(), nullable=False),
        sa.Column("unclaimed", sa.BigInteger(), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), nullable=False),
        sa.Column("parked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expired_unread", sa.BigInteger(), nullable=False),
        sa.Column("unaudited", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("doubled", sa.BigInteger(), nullable=False),
        sa.Column("altered", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_audit_intake")),
        comment="The audit's count of each source partition up to its cut.",
    )
    op.create_table(
        "audit_lane",
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("inbox_partition", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("doubled", sa.BigInteger(), nullable=False),
        sa.Column("altered", sa.BigInteger(), nullable=False),
        sa.Column("out_of_order", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_origin", sa.BigInteger(), nullable=False),
        sa.Column("oldest_pending_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("route", "topic", "partition", name=op.f("pk_audit_lane")),
        comment="The audit's count of each route from each source partition, up to the cut.",
    )
    op.create_table(
        "audit_fault",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin_topic", sa.Text(), nullable=False),
        sa.Column("origin_partition", sa.Integer(), nullable=False),
        sa.Column("origin_offset", sa.BigInteger(), nullable=False),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("found_topic", sa.Text(), nullable=True),
        sa.Column("found_partition", sa.Integer(), nullable=True),
        sa.Column("found_offset", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_fault")),
        comment="Each fault that the audit found; the route is empty where it is the intake's.",
    )
    op.create_index(
        op.f("ix_audit_fault_route_origin_topic_origin_partition_origin_offset"),
        "audit_fault",
        ["route", "origin_topic", "origin_partition", "origin_offset"],
        unique=False,
    )
    op.create_table(
        "audit_repair",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("origin_topic", sa.Text(), nullable=False),
        sa.Column("origin_partition", sa.Integer(), nullable=False),
        sa.Column("origin_offset", sa.BigInteger(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_repair")),
        comment="Faults mended, by route and origin; kinds empty: every kind.",
    )
    op.create_index(
        op.f("ix_audit_repair_route_origin_topic_origin_partition_origin_offset"),
        "audit_repair",
        ["route", "origin_topic", "origin_partition", "origin_offset"],
        unique=False,
    )
    op.create_table(
        "audit_carry",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_carry")),
        comment="What the audit needs to go on after a restart, beside its figures.",
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("taken_at", name=op.f("pk_audit_checkpoint")),
        comment="The audit's whole state of a day; a rebuild begins there once retention has removed logs.",
    )


def _parked() -> None:
    op.create_table(
        "parked",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("origin_topic", sa.Text(), nullable=False),
        sa.Column("origin_partition", sa.Integer(), nullable=False),
        sa.Column("origin_offset", sa.BigInteger(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("event_type", sa.Text(), nullable=True),
        sa.Column("replay_of", sa.Text(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("partition", "offset", name=op.f("pk_parked")),
        comment="One row per record of hub.parked, its contents left out; state: open, replayed, discarded.",
    )
    op.create_index(
        op.f("ix_parked_origin_topic_origin_partition_origin_offset"),
        "parked",
        ["origin_topic", "origin_partition", "origin_offset"],
        unique=False,
    )
    op.create_index(
        op.f("ix_parked_state_agency_reason"), "parked", ["state", "agency", "reason"], unique=False
    )
    op.create_table(
        "parked_request",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("origins", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_parked_request")),
        comment="Requests to settle many parked events at once; state: open, confirmed, declined.",
    )
