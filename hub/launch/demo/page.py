"""The page of results: what happened, in plain words, and where to look next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rich.console import Console
from rich.table import Table

from hub.launch.demo import plan, programme_page
from hub.launch.demo.run import Result, case_counts

_BASELINE = (
    ("executive agencies; connected to the single window", "186; 86"),
    ("services that can be connected; connected; smart", "3,505; 2,127; 780"),
)
"""The brief's figures of the country, for comparison; nothing here was measured."""

_REFUSED = {
    "frame": "the value is null, too short or no Avro frame",
    "envelope": "a header is missing or forged, or the key breaks the rule",
    "source-mismatch": "an agency spoke for another one",
    "too-large": "2 MB of zeros, compressed to almost nothing",
    "unknown-schema": "a schema id that nobody has locked",
    "decode": "bytes missing, bytes left over",
    "invalid": "a person's national number as subject",
    "not-allowed": "an event type that the agency was not granted",
    "id-conflict": "an id used again for other content",
}


def show(result: Result, console: Console, api_url: str) -> None:
    """Print the page."""
    console.print()
    console.rule("[bold]What flowed", align="left")
    console.print(_islands(result))
    console.print(_intake(result))
    console.print(_routes(result))
    console.print(_parked(result))
    _speed(result, console)
    programme_page.show(result, console)
    _catalogue(result, console)
    _verdict(result, console)
    _next(console, api_url)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(columns):
        justify: Literal["left", "right"] = "right" if number and name not in _TEXT else "left"
        # Names fold on a narrow screen, numbers never: a figure cut short is a wrong figure.
        table.add_column(name, justify=justify, no_wrap=justify == "right", overflow="fold")
    return table


_TEXT = frozenset({"what was wrong", "look at one"})


def _islands(result: Result) -> Table:
    table = _table(
        "Islands that the hub joined", "island", "events", "cases in its log", "cases in the register"
    )
    for agency, cases in case_counts().items():
        events = result.declaration[f"log rows of {agency}"]
        table.add_row(agency, f"{events:,}", f"{cases:,}", f"{result.findings.cases[agency]:,}")
    return table


def _intake(result: Result) -> Table:
    totals, found = result.ledger["totals"], result.findings
    table = _table("Intake: read = routed + unclaimed + duplicate + parked", "", "events")
    for name in ("read", "routed", "unclaimed", "duplicate", "parked"):
        table.add_row(name, f"{totals[name]:,}")
    table.add_section()
    for name, count in result.declaration.items():
        table.add_row(f"[dim]declared: {name}[/]", f"[dim]{count:,}[/]")
    for name, count in (("the programme's clock", found.ticks), ("deadlines of cases", found.notices)):
        if count:
            table.add_row(f"[dim]said by the hub itself: {name}[/]", f"[dim]{count:,}[/]")
    if found.strangers:
        table.add_row("[dim]sent by others on this data folder[/]", f"[dim]{found.strangers:,}[/]")
    return table


def _routes(result: Result) -> Table:
    terms = ("accepted", "delivered", "pending", "rejected", "expired")
    table = _table(
        "Deliveries per agreement (`hub ledger` shows every route)", "agreement", *terms, "unaccounted"
    )
    sums: dict[str, list[int]] = {}
    for line in result.ledger["routes"]:
        row = sums.setdefault(line["route"].partition("/")[0], [0] * (len(terms) + 1))
        figures = [*(line[term] for term in terms), sum(line["unaccounted"].values())]
        row[:] = [known + more for known, more in zip(row, figures, strict=True)]
    for name, row in sorted(sums.items()):
        table.add_row(name, *(f"{number:,}" for number in row))
    return table


def _parked(result: Result) -> Table:
    table = _table(
        "Parked: refused and kept, with the reason", "class", "events", "what was wrong", "look at one"
    )
    for reason, count in result.ledger["parked"].items():
        look = f"hub event show {result.refused[reason]}" if reason in result.refused else ""
        table.add_row(reason, f"{count:,}", _REFUSED.get(reason, ""), look)
    return table


def _speed(result: Result, console: Console) -> None:
    console.print(
        f"Full speed: [bold]{result.events_per_second:,.0f}[/] events a second through the hub, from the "
        f"first append to an outbox to the last delivery in an inbox.\n"
        f"Steady pace: p50 [bold]{result.p50_ms:.0f}[/] ms, p99 [bold]{result.p99_ms:.0f}[/] ms "
        f"from the append to the outbox until a recipient's program had it in hand."
    )


def _catalogue(result: Result, console: Console) -> None:
    table = _table("Catalogue, beside the country's figures", "", "count")
    table.add_row(
        "services declared by events (measured here)", f"{result.declaration['services declared']:,}"
    )
    table.add_row("organisations that offer them (measured here)", f"{result.providers:,}")
    for name, figure in _BASELINE:
        table.add_row(f"[dim]reference (brief), not measured here: {name}[/]", f"[dim]{figure}[/]")
    console.print(table)


def _verdict(result: Result, console: Console) -> None:
    found, faults = result.findings, result.unaccounted
    open_ = result.ledger["totals"]["open"]
    facts = (
        (result.ledger["balanced"], "every sum of the ledger holds, and no fault is open"),
        (not open_, f"unaccounted: {faults} (missing, doubled, altered, out of order)"),
        (result.figures_hold, "the hub has read and decided exactly what was declared"),
        (result.notices_hold, f"each of the {result.notices:,} deadlines that cases came to was told once"),
    )
    own = (
        (result.cases_hold, f"the permit register has every case: {found.cases.total():,}"),
        (not found.cases_out_of_order, "for every case, the register's order is the source's"),
        (not found.staff_ids_seen, "no staff id occurs in the statistics inbox: value, headers, key"),
    )
    console.rule("[bold]The audit, which shares nothing with the gate", align="left")
    _facts(console, facts)
    if open_:
        console.print(
            "  `hub ledger` names the routes, `hub ledger explain ROUTE` the events", highlight=False
        )
    console.rule("[bold]Plain consumers of the inboxes", align="left")
    _facts(console, own)


def _facts(console: Console, facts: Iterable[tuple[bool, str]]) -> None:
    for holds, text in facts:
        console.print(f"{'[green]✓' if holds else '[red]✗'}[/] {text}", highlight=False)


def _next(console: Console, api_url: str) -> None:
    first = next(iter(plan.log_events(plan.OFFICE)))
    example, case = first.id, first.caseid
    console.rule("[bold]Where to look next", align="left")
    console.print(
        f"API        {api_url}/v1/events  {api_url}/v1/services  {api_url}/v1/ledger\n"
        f"metrics    {api_url}/metrics\n"
        f"one event  hub event show {example}\n"
        f"one case   hub case show {case} --lang fa\n"
        f"figures    hub indicator list  ·  {api_url}/v1/indicators  ·  {api_url}/v1/obligations\n"
        f"the ledger hub ledger",
        highlight=False,
        soft_wrap=True,
    )
