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
        ("cases", "started", "open", "proactive", "reopened", "events", "reached"),
        ("completed", "withdrawn", "with_deadline", "late", "told", "retyped"),
        comment="Cases counted; the second half by the month of their end. '' where a case does not say.",
    )
    _cells(
        "figure_step",
        ("journey", "month", "step", "owner"),
        ("done", "late", "open", "told", "retyped"),
        comment="Steps counted by the month in which their case started.",
    )
    _cells(
        "figure_handoff",
        ("journey", "month", "giver", "holder"),
        ("passed", "taken"),
        seconds=True,
        comment="Hand-offs counted by the month in which their case started; "
        "seconds is the sum of the waiting.",
    )
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


def _cells(
    name: str, keys: tuple[str, ...], *counts: tuple[str, ...], comment: str, seconds: bool = False
) -> None:
    columns: list[sa.Column[object]] = [sa.Column(key, sa.Text(), nullable=False) for key in keys]
    columns += [sa.Column(each, sa.BigInteger(), nullable=False) for group in counts for each in group]
    if seconds:
        columns.append(sa.Column("seconds", sa.Double(), nullable=False))
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}")), comment=comment)


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
