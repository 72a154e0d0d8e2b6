"""Derive the demo's tables from the raw logs and the raw catalogue (which never enter the project).

    python -m hub.launch.demo.derive FOLDER --out ops/demo

FOLDER holds `BPIC15_1.xes.gz`, `BPIC15_2.xes.gz`, `BPIC15_3.xes.gz`, `receipt.xes.gz` and, in a folder
`kenya_ecitizen`, `services.csv`, `agencies.csv` and `ministries.csv`, at any depth. Only the columns named
here are taken. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from hub.errors import ConfigError, HubError
from hub.launch.demo.tables import Cell, Log, Table, write_log, write_table

PERMIT_CASE = (
    *("concept:name", "startDate", "endDate", "endDatePlanned", "caseStatus", "last_phase", "case_type"),
    *("caseProcedure", "parts", "requestComplete", "Responsible_actor", "SUMleges", "landRegisterID"),
)
PERMIT_EVENT = (
    *("concept:name", "time:timestamp", "activityNameNL", "org:resource", "monitoringResource", "question"),
    *("planned", "dueDate", "dateFinished"),
)
RECEIPT_CASE = (
    *("concept:name", "startdate", "enddate", "enddate_planned", "deadline", "department", "responsible"),
    "channel",
)
RECEIPT_EVENT = ("concept:name", "time:timestamp", "org:resource", "org:group")
LOGS = {
    "municipality-1": ("BPIC15_1.xes.gz", PERMIT_CASE, PERMIT_EVENT),
    "municipality-2": ("BPIC15_2.xes.gz", PERMIT_CASE, PERMIT_EVENT),
    "municipality-3": ("BPIC15_3.xes.gz", PERMIT_CASE, PERMIT_EVENT),
    "permit-office": ("receipt.xes.gz", RECEIPT_CASE, RECEIPT_EVENT),
}
_LOCAL = ZoneInfo("Europe/Amsterdam")
_NO_OFFSET = {"dateFinished"}
"""Columns that the source wrote as local time without an offset."""


def main() -> None:
    """Run the derivation from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder with the raw files")
    parser.add_argument("--out", type=Path, default=Path("ops/demo"), help="folder of the derived tables")
    arguments = parser.parse_args()
    try:
        derive(arguments.folder, arguments.out)
    except HubError as error:
        sys.exit(f"derive: {error}")


def derive(folder: Path, out: Path) -> None:
    """Write every table of the demo; raise ConfigError if a raw file is missing or a case runs backwards."""
    for name, (file, case_columns, event_columns) in LOGS.items():
        path = out / f"{name}.json.gz"
        log = read_xes(_find(folder, file), case_columns, event_columns)
        write_log(log, path)
        print(f"{path}: {log.cases.length} cases, {log.events.length} events, {path.stat().st_size} bytes")
    path = out / "catalogue.json.gz"
    catalogue = read_catalogue(_find(folder, "kenya_ecitizen/services.csv").parent)
    write_table(catalogue, path)
    print(f"{path}: {catalogue.length} services, {path.stat().st_size} bytes")


def read_xes(path: Path, case_columns: tuple[str, ...], event_columns: tuple[str, ...]) -> Log:
    """Read the named attributes of a gzipped XES file, cases and events in the file's order.

    Raises ConfigError when a case's times run backwards: the demo's order over cases relies on it.
    """
    cases: dict[str, list[Cell]] = {name: [] for name in case_columns}
    events: dict[str, list[Cell]] = {name: [] for name in event_columns}
    sizes: list[int] = []
    for trace in _traces(path):
        rows = [element for element in trace if _tag(element) == "event"]
        _append(cases, trace)
        for row in rows:
            _append(events, row)
        sizes.append(len(rows))
        times = [time for time in events["time:timestamp"][-len(rows) :] if isinstance(time, datetime)]
        if times != sorted(times):
            raise ConfigError(
                f"the times of case {cases['concept:name'][-1]} run backwards.", where=str(path)
            )
        trace.clear()
    return Log(Table(cases), Table(events), sizes)


def read_catalogue(folder: Path) -> Table:
    """Read the services of the portal with their agency and ministry, in the file's order."""
    agencies = {row["agency_id"]: row["agency_name"] for row in _csv(folder / "agencies.csv")}
    ministries = {row["ministry_id"]: row["ministry_name"] for row in _csv(folder / "ministries.csv")}
    columns: dict[str, list[Cell]] = {
        name: []
        for name in ("service_id", "service_name", "agency_id", "agency_name", "ministry_id", "ministry_name")
    }
    for row in _csv(folder / "services.csv"):
        for name in ("service_id", "service_name", "agency_id", "ministry_id"):
            columns[name].append(row[name])
        columns["agency_name"].append(agencies[row["agency_id"]])
        columns["ministry_name"].append(ministries[row["ministry_id"]])
    return Table(columns)


def _traces(path: Path) -> Iterator[ET.Element]:
    with gzip.open(path) as file:
        for _, element in ET.iterparse(file):  # noqa: S314 - files that a developer chose
            if _tag(element) == "trace":
                yield element


def _append(columns: dict[str, list[Cell]], element: ET.Element) -> None:
    attributes = {child.get("key"): child for child in element}
    for name, cells in columns.items():
        child = attributes.get(name)
        cells.append(None if child is None else _cell(name, _tag(child), child.get("value", "")))


def _cell(name: str, kind: str, text: str) -> Cell:
    if kind == "date":
        return datetime.fromisoformat(text)
    if name in _NO_OFFSET:
        return datetime.fromisoformat(text).replace(tzinfo=_LOCAL)
    return text


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _find(folder: Path, file: str) -> Path:
    found = sorted(folder.rglob(file))
    if not found:
        raise ConfigError(f"there is no {file}.", where=str(folder), do="See docs/reference/demo-data.md.")
    return found[0]


if __name__ == "__main__":
    main()
