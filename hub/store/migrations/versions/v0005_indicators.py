"""Figures counted by month, published editions, and the indexes by which both are counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Make the tables and indexes."""
    _indexes()
    _cells(
        "figure_case",
        ("journey", "month", "agency", "channel", "province"),
        ("started", "open", "started_completed", "started_withdrawn"),
        ("reached", "started_events", "unstarted"),
        ("completed", "withdrawn", "ended_with_deadline", "ended_late"),
        ("steps_told", "steps_retyped", "ended_events"),
        comment="Cases counted (hub.indicators.inputs.CaseGroup), but what depends on the clock.",
    )
    _cells(
        "figure_step",
        ("journey", "month", "step", "owner"),
        ("done", "done_with_deadline", "done_late", "open", "told", "retyped"),
        comment="Steps counted by the month in which their case started, but what depends on the clock.",
    )
    _cells(
        "figure_handoff",
        ("journey", "month", "giver", "holder"),
        ("count", "taken"),
        comment="Hand-offs counted by the month in which their case started.",
    )
    _reach()
    _live()
    _editions()


def _indexes() -> None:
    op.create_index("ix_journey_case_stuck_at", "journey_case", ["stuck_at"], postgresql_where=_OPEN)
    op.create_index("ix_journey_case_deadline_at", "journey_case", ["deadline_at"], postgresql_where=_OPEN)
    op.create_index("ix_case_step_due_at", "case_step", ["due_at"], postgresql_where=_OPEN)
    op.create_index("ix_journey_case_journey_started_at", "journey_case", ["journey", "started_at"])
    op.create_index(
        "ix_journey_case_first_at",
        "journey_case",
        ["first_at"],
        postgresql_where=sa.text("journey IS NULL"),
    )


def _cells(name: str, keys: tuple[str, ...], *counts: tuple[str, ...], comment: str) -> None:
    columns: list[sa.Column[object]] = [sa.Column(key, sa.Text(), nullable=False) for key in keys]
    columns += [sa.Column(each, sa.BigInteger(), nullable=False) for group in counts for each in group]
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}")), comment=comment)


def _reach() -> None:
    op.create_table(
        "figure_reach",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("agencies", sa.Integer(), nullable=False),
        sa.Column("cases", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journey", "month", "agencies", name=op.f("pk_figure_reach")),
        comment="Cases by how many agencies they have reached.",
    )


def _live() -> None:
    op.create_table(
        "indicator_live",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("breakdown", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", "period", "breakdown", name=op.f("pk_indicator_live")),
        comment="Every figure as it stood when it was last worked out, published or not; "
        "small groups hidden.",
    )
    op.create_table(
        "indicator_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("worked_out_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indicator_state")),
        comment="One row: when indicator_live was worked out, as of what, and by which versions.",
    )


def _editions() -> None:
    op.create_table(
        "indicator_edition",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("breakdown", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latest", sa.Boolean(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", "period", "breakdown", "edition", name=op.f("pk_indicator_edition")),
        comment="Every published figure, for ever; sent_at: when it was on hub.indicators for certain.",
    )
    op.create_index(
        "ix_indicator_edition_latest",
        "indicator_edition",
        ["id", "period", "breakdown"],
        postgresql_where=sa.text("latest"),
    )
    op.create_index(
        "ix_indicator_edition_unsent",
        "indicator_edition",
        ["published_at"],
        postgresql_where=sa.text("sent_at IS NULL"),
    )
