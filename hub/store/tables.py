"""Every table of the hub. Migrations in `migrations/` make them; a test keeps the two the same."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    text,
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
    Column("months", JSONB, nullable=False),
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

supervision_event = Table(
    "supervision_event",
    metadata,
    Column("partition", Integer, nullable=False),
    _number("offset"),
    Column("appended_at", DateTime(timezone=True), nullable=False),
    _text("event_id"),
    _text("type"),
    _text("agency"),
    _text("subsystem", nullable=True),
    _text("caseid", nullable=True),
    _text("channel", nullable=True),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
    _text("route"),
    _text("origin_topic"),
    Column("origin_partition", Integer, nullable=False),
    _number("origin_offset"),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
    Index(None, "caseid", "event_id"),
    Index(None, "type", "agency", "time"),
    comment="Events of agency.supervision.inbox but ticks; repaired ones as repaired.",
)

case_clock = Table(
    "case_clock",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("moment", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("partition"),
    comment="The programme's clock as told to each partition of agency.supervision.inbox.",
)

journey_case = Table(
    "journey_case",
    metadata,
    _text("caseid"),
    Column("partition", Integer, nullable=False),
    _text("agency"),
    _text("journey", nullable=True),
    Column("journey_version", Integer, nullable=True),
    _text("calendar", nullable=True),
    _text("service_id", nullable=True),
    _text("channel", nullable=True),
    _text("province", nullable=True),
    Column("proactive", Boolean, nullable=False),
    _text("state"),
    _text("outcome", nullable=True),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=True),
    Column("ended_at", DateTime(timezone=True), nullable=True),
    Column("deadline_at", DateTime(timezone=True), nullable=True),
    _text("deadline_rule", nullable=True),
    Column("late", Boolean, nullable=True),
    Column("stuck_at", DateTime(timezone=True), nullable=True),
    _text("holder", nullable=True),
    Column("agencies", ARRAY(Text), nullable=False),
    _text("parent", nullable=True),
    _number("events"),
    Column("reopened", Integer, nullable=False),
    Column("steps_told", Integer, nullable=False),
    Column("steps_retyped", Integer, nullable=False),
    _text("variant"),
    _text("first_activity", nullable=True),
    _text("last_activity", nullable=True),
    Column("notes", ARRAY(Text), nullable=False),
    Column("fold", JSONB, nullable=False),
    PrimaryKeyConstraint("caseid"),
    Index(None, "journey", "ended_at"),
    Index(None, "agency", "started_at"),
    Index(None, "parent"),
    comment="One row per case (hub.journeys.rows.CaseRow); fold is what the fold needs to go on.",
)

case_step = Table(
    "case_step",
    metadata,
    _text("caseid"),
    _text("step"),
    Column("run", Integer, nullable=False),
    _text("owner"),
    _text("state"),
    Column("entered_at", DateTime(timezone=True), nullable=True),
    Column("due_at", DateTime(timezone=True), nullable=True),
    _text("due_rule", nullable=True),
    Column("completed_at", DateTime(timezone=True), nullable=True),
    _text("completed_by", nullable=True),
    Column("seconds", Double, nullable=True),
    Column("late", Boolean, nullable=True),
    Column("retyped", Boolean, nullable=True),
    PrimaryKeyConstraint("caseid", "step", "run"),
    comment="One row per step of a case and time it was taken (hub.journeys.rows.StepRow).",
)

case_handoff = Table(
    "case_handoff",
    metadata,
    _text("caseid"),
    Column("number", Integer, nullable=False),
    _text("giver"),
    _text("holder"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=True),
    Column("waiting_seconds", Double, nullable=True),
    _text("step", nullable=True),
    PrimaryKeyConstraint("caseid", "number"),
    comment="Hand-offs of cases between agencies (hub.journeys.rows.HandOffRow).",
)

case_watch = Table(
    "case_watch",
    metadata,
    Column("partition", Integer, nullable=False),
    _text("caseid"),
    _text("step"),
    Column("run", Integer, nullable=False),
    _text("kind"),
    Column("level", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("caseid", "step", "run", "kind", "level"),
    Index(None, "partition", "at"),
    comment="What is told of a step when the clock reaches a moment; gone once it is told or void.",
)

handover = Table(
    "handover",
    metadata,
    _text("agency"),
    _text("journey"),
    _text("level"),
    _text("giver"),
    _text("taker"),
    _number("count"),
    PrimaryKeyConstraint("agency", "journey", "level", "giver", "taker"),
    comment="How often a unit's or person's event was followed by another's in a case, itself included.",
)

rating_tally = Table(
    "rating_tally",
    metadata,
    _text("service_id"),
    _text("agency"),
    _text("aspect"),
    _text("month"),
    Column("rating", Integer, nullable=False),
    Column("rating_max", Integer, nullable=False),
    _number("count"),
    PrimaryKeyConstraint("service_id", "agency", "aspect", "month", "rating", "rating_max"),
    comment="Ratings of services by value; aspect '' where none was named.",
)

contribution_tally = Table(
    "contribution_tally",
    metadata,
    _text("agency"),
    _text("consultation_id"),
    _text("position"),
    _number("count"),
    PrimaryKeyConstraint("agency", "consultation_id", "position"),
    comment="Views given in consultations, by where they stand; agency is the one that asks.",
)

notice = Table(
    "notice",
    metadata,
    _text("id"),
    Column("partition", Integer, nullable=False),
    _text("type"),
    _text("caseid"),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "caseid"),
    comment="Events of agency hub that cases came to, once each; decided_at is the programme's clock.",
)

notice_sent = Table(
    "notice_sent",
    metadata,
    _text("id"),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("id"),
    comment="Which notices lie on the hub's outbox; a rebuild leaves it as it is.",
)

figure_due = Table(
    "figure_due",
    metadata,
    _text("journey"),
    _text("month"),
    _number("mark"),
    PrimaryKeyConstraint("journey", "month"),
    comment="Months of a journey whose cases changed since their figures were last counted.",
)

# An open case or step whose time the programme's clock may have passed; found by index when it moves.
_OPEN = text("state = 'open'")
Index("ix_journey_case_stuck_at", journey_case.c.stuck_at, postgresql_where=_OPEN)
Index("ix_journey_case_deadline_at", journey_case.c.deadline_at, postgresql_where=_OPEN)
Index("ix_case_step_due_at", case_step.c.due_at, postgresql_where=_OPEN)
# The cases of a month: of a journey by their start, of none by their first event.
Index("ix_journey_case_journey_started_at", journey_case.c.journey, journey_case.c.started_at)
Index("ix_journey_case_first_at", journey_case.c.first_at, postgresql_where=text("journey IS NULL"))

figure_case = Table(
    "figure_case",
    metadata,
    *(_text(name) for name in ("journey", "month", "agency", "channel", "province")),
    *(_number(name) for name in ("started", "open", "started_completed", "started_withdrawn")),
    *(_number(name) for name in ("reached", "started_events", "unstarted")),
    *(_number(name) for name in ("completed", "withdrawn", "ended_with_deadline", "ended_late")),
    *(_number(name) for name in ("steps_told", "steps_retyped", "ended_events")),
    PrimaryKeyConstraint("journey", "month", "agency", "channel", "province"),
    comment="Cases counted (hub.indicators.inputs.CaseGroup), but what depends on the clock.",
)

figure_step = Table(
    "figure_step",
    metadata,
    *(_text(name) for name in ("journey", "month", "step", "owner")),
    *(_number(name) for name in ("done", "done_with_deadline", "done_late", "open", "told", "retyped")),
    PrimaryKeyConstraint("journey", "month", "step", "owner"),
    comment="Steps counted by the month in which their case started, but what depends on the clock.",
)

figure_handoff = Table(
    "figure_handoff",
    metadata,
    *(_text(name) for name in ("journey", "month", "giver", "holder")),
    *(_number(name) for name in ("count", "taken")),
    PrimaryKeyConstraint("journey", "month", "giver", "holder"),
    comment="Hand-offs counted by the month in which their case started.",
)

figure_reach = Table(
    "figure_reach",
    metadata,
    *(_text(name) for name in ("journey", "month")),
    Column("agencies", Integer, nullable=False),
    _number("cases"),
    PrimaryKeyConstraint("journey", "month", "agencies"),
    comment="Cases by how many agencies they have reached.",
)

figure_duration = Table(
    "figure_duration",
    metadata,
    *(_text(name) for name in ("measure", "period", "breakdown")),
    *(_number(name) for name in ("number", "events")),
    *(Column(name, Double, nullable=False) for name in ("median", "p90")),
    Column("low", Integer, nullable=False),
    Column("spread", LargeBinary, nullable=False),
    PrimaryKeyConstraint("measure", "period", "breakdown"),
    comment="Durations of a month, exact, and how they are spread (hub.indicators.spread); of a year and of "
    "all time what the spreads of their months say together.",
)

figure_process = Table(
    "figure_process",
    metadata,
    *(_text(name) for name in ("journey", "month", "agency")),
    *(_number(name) for name in ("cases", "events", "completed")),
    PrimaryKeyConstraint("journey", "month", "agency"),
    comment="All cases counted by the month in which they started, else of their first event.",
)

figure_activity = Table(
    "figure_activity",
    metadata,
    *(_text(name) for name in ("journey", "month", "agency", "which", "activity")),
    _number("cases"),
    PrimaryKeyConstraint("journey", "month", "agency", "which", "activity"),
    comment="Cases by their first or last activity.",
)

figure_variant = Table(
    "figure_variant",
    metadata,
    *(_text(name) for name in ("journey", "month", "agency", "variant")),
    _number("cases"),
    PrimaryKeyConstraint("journey", "month", "agency", "variant"),
    comment="Cases by their sequence of activities.",
)

figure_variant_total = Table(
    "figure_variant_total",
    metadata,
    *(_text(name) for name in ("dimension", "name", "variant")),
    _number("cases"),
    PrimaryKeyConstraint("dimension", "name", "variant"),
    comment="figure_variant summed over months: of all cases (dimension all), an agency's, a journey's.",
)

indicator_live = Table(
    "indicator_live",
    metadata,
    *(_text(name) for name in ("id", "period", "breakdown", "family")),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("id", "period", "breakdown"),
    comment="Every figure as it stood when it was last worked out, published or not; small groups hidden.",
)

indicator_state = Table(
    "indicator_state",
    metadata,
    Column("id", Integer, nullable=False),
    Column("worked_out_at", DateTime(timezone=True), nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("id"),
    comment="One row: when indicator_live was worked out, as of what, and by which versions.",
)

indicator_edition = Table(
    "indicator_edition",
    metadata,
    *(_text(name) for name in ("id", "period", "breakdown")),
    Column("edition", Integer, nullable=False),
    _text("family"),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=True),
    Column("latest", Boolean, nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("id", "period", "breakdown", "edition"),
    Index("ix_indicator_edition_latest", "id", "period", "breakdown", postgresql_where=text("latest")),
    Index("ix_indicator_edition_unsent", "published_at", postgresql_where=text("sent_at IS NULL")),
    comment="Every published figure, for ever; sent_at: when it was on hub.indicators for certain.",
)

FIGURE_CELLS = (
    *(figure_case, figure_step, figure_handoff, figure_reach, figure_duration),
    *(figure_process, figure_activity, figure_variant, figure_variant_total),
)
"""What is counted of cases by month, and counted anew where cases changed."""
