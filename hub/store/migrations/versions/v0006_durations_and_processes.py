"""Durations and processes counted by month; every month is due, so that they are counted once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables, and mark all months."""
    _durations()
    _counts(
        "figure_process",
        ("journey", "month", "agency"),
        ("cases", "events", "completed"),
        comment="All cases counted by the month in which they started, else of their first event.",
    )
    _counts(
        "figure_activity",
        ("journey", "month", "agency", "which", "activity"),
        ("cases",),
        comment="Cases by their first or last activity.",
    )
    _counts(
        "figure_variant",
        ("journey", "month", "agency", "variant"),
        ("cases",),
        comment="Cases by their sequence of activities.",
    )
    _counts(
        "figure_variant_total",
        ("dimension", "name", "variant"),
        ("cases",),
        comment="figure_variant summed over months: of all cases (dimension all), an agency's, a journey's.",
    )
    op.execute(
        """
        INSERT INTO figure_due (journey, month, mark) SELECT DISTINCT journey, month, 1 FROM figure_case
        ON CONFLICT (journey, month) DO UPDATE SET mark = figure_due.mark + 1
        """
    )


def _durations() -> None:
    op.create_table(
        "figure_duration",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("measure", "period", "breakdown")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("number", "events")),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("median", "p90")),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("spread", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("measure", "period", "breakdown", name=op.f("pk_figure_duration")),
        comment="Durations of a month, exact, and how they are spread (hub.indicators.spread); of a year and "
        "of all time what the spreads of their months say together.",
    )


def _counts(name: str, keys: tuple[str, ...], counts: tuple[str, ...], comment: str) -> None:
    columns: list[sa.Column[object]] = [sa.Column(key, sa.Text(), nullable=False) for key in keys]
    columns += [sa.Column(each, sa.BigInteger(), nullable=False) for each in counts]
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}")), comment=comment)
