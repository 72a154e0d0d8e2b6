"""Cases, their steps and hand-offs, what is told about them, and the events behind all figures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables; what was accepted before is of no month."""
    op.add_column("audit_lane", sa.Column("months", postgresql.JSONB(), nullable=False, server_default="{}"))
    op.alter_column("audit_lane", "months", server_default=None)
    op.create_table(
        "supervision_event",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("subsystem", sa.Text(), nullable=True),
        sa.Column("caseid", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("origin_topic", sa.Text(), nullable=False),
        sa.Column("origin_partition", sa.Integer(), nullable=False),
        sa.Column("origin_offset", sa.BigInteger(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("partition", "offset", name=op.f("pk_supervision_event")),
        comment="Events of agency.supervision.inbox but ticks; repaired ones as repaired.",
    )
    op.create_index(
        op.f("ix_supervision_event_caseid_event_id"),
        "supervision_event",
        ["caseid", "event_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_supervision_event_type_agency_time"),
        "supervision_event",
        ["type", "agency", "time"],
        unique=False,
    )
    op.create_table(
        "case_clock",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_case_clock")),
        comment="The programme's clock as told to each partition of agency.supervision.inbox.",
    )
    op.create_table(
        "journey_case",
        sa.Column("caseid", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=True),
        sa.Column("journey_version", sa.Integer(), nullable=True),
        sa.Column("calendar", sa.Text(), nullable=True),
        sa.Column("service_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("proactive", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_rule", sa.Text(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=True),
        sa.Column("stuck_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("agencies", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("steps_told", sa.Integer(), nullable=False),
        sa.Column("steps_retyped", sa.Integer(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("first_activity", sa.Text(), nullable=True),
        sa.Column("last_activity", sa.Text(), nullable=True),
        sa.Column("notes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("fold", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("caseid", name=op.f("pk_journey_case")),
        comment="One row per case (hub.journeys.rows.CaseRow); fold is what the fold needs to go on.",
    )
    op.create_index(
        op.f("ix_journey_case_agency_started_at"), "journey_case", ["agency", "started_at"], unique=False
    )
    op.create_index(
        op.f("ix_journey_case_journey_ended_at"), "journey_case", ["journey", "ended_at"], unique=False
    )
    op.create_index(op.f("ix_journey_case_parent"), "journey_case", ["parent"], unique=False)
    op.create_table(
        "case_step",
        sa.Column("caseid", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_rule", sa.Text(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_by", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=True),
        sa.Column("retyped", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("caseid", "step", "run", name=op.f("pk_case_step")),
        comment="One row per step of a case and time it was taken (hub.journeys.rows.StepRow).",
    )
    op.create_table(
        "case_handoff",
        sa.Column("caseid", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("giver", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_seconds", sa.Double(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("caseid", "number", name=op.f("pk_case_handoff")),
        comment="Hand-offs of cases between agencies (hub.journeys.rows.HandOffRow).",
    )
    op.create_table(
        "case_watch",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("caseid", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caseid", "step", "run", "kind", "level", name=op.f("pk_case_watch")),
        comment="What is told of a step when the clock reaches a moment; gone once it is told or void.",
    )
    op.create_index(op.f("ix_case_watch_partition_at"), "case_watch", ["partition", "at"], unique=False)
    op.create_table(
        "handover",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("giver", sa.Text(), nullable=False),
        sa.Column("taker", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "journey", "level", "giver", "taker", name=op.f("pk_handover")),
        comment="How often a unit's or person's event was followed by another's in a case, itself included.",
    )
    op.create_table(
        "rating_tally",
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("aspect", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("rating_max", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "service_id", "agency", "aspect", "month", "rating", "rating_max", name=op.f("pk_rating_tally")
        ),
        comment="Ratings of services by value; aspect '' where none was named.",
    )
    op.create_table(
        "contribution_tally",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("consultation_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "consultation_id", "position", name=op.f("pk_contribution_tally")),
        comment="Views given in consultations, by where they stand; agency is the one that asks.",
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("caseid", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        comment="Events of agency hub that cases came to, once each; decided_at is the programme's clock.",
    )
    op.create_index(op.f("ix_notice_caseid"), "notice", ["caseid"], unique=False)
    op.create_table(
        "notice_sent",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_sent")),
        comment="Which notices lie on the hub's outbox; a rebuild leaves it as it is.",
    )
    op.create_table(
        "figure_due",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journey", "month", name=op.f("pk_figure_due")),
        comment="Months of a journey whose cases changed since their figures were last counted.",
    )
