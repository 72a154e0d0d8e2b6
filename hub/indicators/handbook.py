"""The page of all indicators, written from their definitions; `COMMAND` makes it anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from hub.indicators.definitions import ALL_DEFINITIONS, FAMILIES
from hub.indicators.exports import EU_COLUMNS, OWN_COLUMNS
from hub.indicators.model import Definition
from hub.indicators.reference import REFERENCE
from hub.indicators.spread import ERROR, FEW
from hub.indicators.suppression import SMALLEST_GROUP

COMMAND = "python -m hub.indicators.handbook > docs/reference/indicators.md"

_HEAD = f"""# Indicators

Written from the definitions in `hub/indicators/` by `{COMMAND}`; change those, not this page.

An indicator has a stable id and a version that counts its changes of meaning. A value of it has a period
(a month `2026-11`, a year `2026`, or `all`; months begin in the zone of `HUB_INDICATORS__ZONE`) and a
breakdown (`all`, or `dimension=value`, several joined by `;`, values percent-encoded). A published value is
an edition: it stays for ever, and a restatement is a new edition beside it, under the key
`<id>/<period>/<breakdown>/<edition>`.

## How to read a value

- **value**: null where there is nothing to be counted, or where it is suppressed. A count that is not listed
  is 0. One that was listed and is not any more is restated as 0, a ratio as null.
- **basis**: `measured` from events of cases, flows and ratings, or `declared` by an agency.
- **coverage**: from how many agencies it comes, of how many in the registry (hub, window and supervision are
  not counted).
- **cases**: how many cases, steps, ratings or obligations it is about; **events**: how many events lie behind
  it. Of a figure about cases, these are the events of all cases that started (or ended) in its period and
  breakdown.
- **low**, **high**: a 95 % interval, where a figure is uncertain.
- Percentiles are exact in every edition, with linear interpolation (numpy's default, PostgreSQL's
  `percentile_cont`). As figures stand between two publications, those of months are exact too; those of
  years and of all time come from spreads where there are very many cases, and say `relative_error` in their
  details (see below).
- `agency` is who opened a case, `holder` who holds a case or owns a step, `service` a service's id. `none` is
  what a case does not say. Steps and hand-offs count in the month in which their case started.

## Percentiles that stand

Counts of months add up to their year, percentiles do not. So that a figure stands seconds after its events
however many cases there are, each month's durations are also counted in buckets whose bounds grow by about
one percent. Buckets of months add up, and the percentile of their sum is at most {ERROR:.1%} off the exact
one, for any durations (those under a millisecond count as 0). Where a measure (cases, steps, hand-offs,
throughput) has up to {FEW:,} durations, the rows themselves are read. An edition is always worked out from
the rows: what is published, exported and verified is exact, so its last digits may differ from what stood
just before.

## Small groups

A figure about fewer than {SMALLEST_GROUP} people's cases or views (`HUB_INDICATORS__SMALLEST_GROUP`), but not
about none, is suppressed: it has no value, no numerator, no details. A count is about what it counts; a
ratio, a mean or a percentile is about its denominator, so that 397 of 400 in time may be published.

What is suppressed must not follow from the rest. A hidden part would follow from its whole and the other
parts, a month from its year, the open cases from those started and ended, a count from a ratio of it. So
further figures are suppressed, the smallest first, until

1. in no sum that is shown one part is hidden alone, nor do its hidden parts together count fewer than
   {SMALLEST_GROUP}, and
2. no hidden count is the only solution of all equations between the counts that are shown (worked out by
   elimination over all of them at once).

So a suppressed figure need not be small. Bounds still follow: a hidden part is not larger than its whole.
Details that count cases by something keep what is not small; the rest stands together as `others`. Figures
about obligations, agencies and flows are not about people and are never suppressed. What is compared is one
publication with itself: an earlier edition that showed more stays as it was published.

## Obligations and the scorecard

An obligation is known by its id and its owner. Its newest declaration counts; reports count from its owner
and from who declared it, others are counted as strangers. At the programme's clock it is:

| state | when |
|---|---|
| `dropped` | the last reported state says so |
| `fulfilled` | the value meets the target; without value or target, the last reported state says so |
| `failed` | not fulfilled, and the last reported state says so |
| `overdue` | none of these, and the deadline has passed |
| `open` | none of these |

The value that decides is the one that the hub measures (`measured_by` names the indicator; its published
value of the owner, over all time, for a scorecard of the year), else the last one that was reported; both are
shown side by side, and `basis` says which one decided. The weights of the scorecard are stated in its
formula; where a part is not known, the others count by their share of what is left.

A forecast is a least-squares line through the reported values, with a 95 % prediction interval at the
deadline (Student's t); there is none from fewer than three reports. `in_time` and `late` are said only where
the whole interval says so, else `uncertain`.

## Coordination

The exchange graph has an edge from one agency to another where the gate accepted an event for it in the
period. An island is a strongly connected component of it: each of its agencies reaches every other, and is
reached. An agency alone is an island too. Weak components ignore the direction.

## Exports

`/exports/indicators.csv` and `.json` have one row per figure. The first columns are those in which the EU's
Digital Decade tool hands out the e-government indicators:
{", ".join(f"`{each}`" for each in EU_COLUMNS)}.
The flag `c` marks what is suppressed. Ours stand behind them:
{", ".join(f"`{each}`" for each in OWN_COLUMNS)}.

`/exports/indicators.ttl` is an RDF Data Cube. An observation must have a value there, so what has none is
left out.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    parts = [_HEAD]
    for family, (title_fa, title_en) in FAMILIES.items():
        parts.append(f"## {title_en} · {title_fa}\n")
        parts += ["\n".join(_section(each)) for each in ALL_DEFINITIONS if each.family == family]
    parts.append("\n".join(_reference()))
    return "\n".join(parts)


def _section(each: Definition) -> Iterator[str]:
    yield f"### `{each.id}`\n"
    yield f"**{each.title_en}** · {each.title_fa}\n"
    yield f"{each.meaning_en}\n"
    yield f"{each.meaning_fa}\n"
    yield f"Formula: {each.formula}\n"
    breakdowns = ", ".join(f"`{';'.join(dimensions) or 'all'}`" for dimensions in each.breakdowns)
    better = "" if each.better == "neither" else f" {each.better.capitalize()} is better."
    yield (
        f"Version {each.version}. Unit: {each.unit}. Basis: {each.basis}. Evidence: {each.evidence}. "
        f"Periods: {', '.join(each.periods)}. By: {breakdowns}.{better}\n"
    )


def _reference() -> Iterator[str]:
    yield "## Reference figures: not measured here\n"
    yield "Figures of others that stand beside ours and are never part of anything computed.\n"
    yield "| id | figure | عنوان | period | value | unit | source |"
    yield "|---|---|---|---|---|---|---|"
    for each in REFERENCE:
        yield (
            f"| `{each.id}` | {each.title_en} | {each.title_fa} | {each.period or ''} | {each.value:g} "
            f"| {each.unit} | {each.source_en} |"
        )
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
