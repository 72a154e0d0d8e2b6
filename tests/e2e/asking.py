"""A demo that runs: what its page says, what the API, `/metrics` and published figures say beside it."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hub.indicators import breakdown

_SAMPLE = re.compile(r"^(hub_[a-z_]+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_ROW = re.compile(r"^│ (\S+) +│(.+)│$")


@dataclass
class Demo:
    """A demo that has shown its page and stays up: its data folder, what it printed, and how to ask it."""

    data_dir: Path
    process: subprocess.Popen
    lines: list = field(default_factory=list)

    @cached_property
    def told(self):
        """The figures for programs."""
        return json.loads(next(line for line in self.lines if line.startswith("{")))

    @cached_property
    def page(self):
        """The page for people."""
        return "\n".join(self.lines)

    def found(self, pattern):
        """Return the numbers that a pattern finds on the page."""
        return [float(each.replace(",", "")) for each in re.search(pattern, self.page, re.MULTILINE).groups()]

    def rows(self, title):
        """Return a table of the page: the first column -> the others."""
        behind = self.lines[next(n for n, line in enumerate(self.lines) if line.startswith(title)) :]
        table = behind[: next(n for n, line in enumerate(behind) if line.startswith("└"))]
        found = [match.groups() for line in table if (match := _ROW.match(line.strip()))]
        return {name: [cell.strip() for cell in rest.split("│")] for name, rest in found}

    @cached_property
    def url(self):
        """The API's address."""
        return re.search(r"^metrics +(\S+)/metrics$", self.page, re.MULTILINE)[1]

    def get(self, path, **query):
        """Return what the API answers, as text."""
        with urllib.request.urlopen(
            f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=60
        ) as answer:
            return answer.read().decode()

    @cached_property
    def published(self):
        """What `/v1/indicators` gives over all time, by indicator and breakdown."""
        found, query = {}, {"period": "all", "limit": 1000}
        while True:
            page = json.loads(self.get("/v1/indicators", **query))
            found |= {(each["indicator"], each["breakdown"]): each for each in page["figures"]}
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    def value(self, indicator, of="all"):
        """Return a published figure's value; nothing to count is 0."""
        return (self.published.get((indicator, of)) or {"value": 0})["value"] or 0

    def metrics(self):
        """Return the samples of `/metrics`: name -> labels -> value."""
        samples = defaultdict(dict)
        for name, labels, value in _SAMPLE.findall(self.get("/metrics")):
            pairs = dict(re.findall(r'([a-z_]+)="([^"]*)"', labels))
            samples[name][frozenset(pairs.items())] = float(value)
        return samples


def told_of(demo, journey):
    """Return what is published of a journey as the page's table writes it, but for the times."""
    of = f"journey={journey}"
    counts = [whole(demo.value("process.cases", of))]
    counts += [whole(demo.value(f"completion.{name}", of)) for name in ("completed", "open", "stuck")]
    in_time = demo.published.get(("completion.in-time", of)) or {"numerator": 0, "denominator": 0}
    judged = int(in_time["denominator"] or 0)
    return [*counts, f"{judged - int(in_time['numerator'] or 0):,}" if judged else "-", f"{judged:,}"]


def whole(number):
    return f"{int(number):,}"


def expected_samples(demo):
    """Return what `/metrics` must say, by metric and labels, from what is published."""
    found = {("hub_islands",): demo.value("coordination.islands")}
    names = {"process.handovers-units": "unit", "process.handovers-persons": "person"}
    states = {"completed": "completed", "open": "open", "stuck": "stuck", "late-open": "late"}
    for (indicator, of), document in demo.published.items():
        broken, value = breakdown.read(of), document["value"]
        agency, journey = broken.get("agency"), broken.get("journey")
        if indicator in names and broken.dimensions == ("agency",):
            found["hub_handovers", ("agency", agency), ("level", names[indicator])] = value
        elif indicator == "programme.realisation-ratio":
            found["hub_programme_realisation_ratio", ("agency", agency or "all")] = value
        elif indicator.removeprefix("completion.") in states and broken.dimensions == ("journey",):
            state = states[indicator.removeprefix("completion.")]
            found["hub_cases", ("journey", journey), ("state", state)] = value
        elif indicator == "completion.in-time" and broken.dimensions == ("journey",):
            late = document["denominator"] - document["numerator"]
            found["hub_cases", ("journey", journey), ("state", "ended_late")] = late
        elif indicator == "programme.obligations" and broken.dimensions == ("agency", "state"):
            found["hub_obligations", ("agency", agency), ("state", broken.get("state"))] = value
    return found
