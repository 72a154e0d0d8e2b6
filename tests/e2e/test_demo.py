"""`hub demo` as a stranger runs it: from an installed wheel, in an empty folder; then a look around in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli.app import app
from hub.host.process import configure_logging
from hub.indicators.definitions import ALL_DEFINITIONS, DEFINITIONS
from hub.launch import prometheus, verify
from tests.e2e.asking import Demo, expected_samples, told_of, whole
from tests.ops.queries import expressions

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
FIELDS = [
    *("read", "routed", "unclaimed", "duplicate", "parked", "accepted", "delivered", "pending", "rejected"),
    *("expired", "unaccounted", "cases", "events_per_second", "p50_ms", "p99_ms", "ticks", "notices"),
    *("journeys", "late", "judged", "handovers_units", "handovers_persons", "islands", "realisation_ratio"),
]
OBLIGATIONS, CONSULTATIONS = 23, 50
LOG_ROWS = 52_217 + 44_354 + 59_681 + 8_577
EXTRAS = 5_491 + 200 + OBLIGATIONS + CONSULTATIONS + 50 + 500 + 1 + 3 + 14
HAND_OVERS = 5_440, 3_149 + 2_308 + 3_405 + 1_208
"""Between units (the permit office's log alone names them) and between persons, as the oracle has them."""
DEMO_SECONDS, GAUGES_SECONDS = 900, 120
UP = "The hub stays up."


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Build the wheel, install it with the locked packages in an environment of its own; return its `hub`."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", str(folder / "venv"))
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements/run.lock"))
    run(*pip, "--no-deps", str(wheel))
    return folder / "venv/bin/hub"


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def demo(hub, tmp_path_factory):
    """Run the demo in an empty folder until it stays up; at the end stop it, whatever happened."""
    folder = tmp_path_factory.mktemp("demo")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "PYTHON"))}
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [str(hub), "demo"],
            cwd=folder,
            env=own | {"HUB_API__PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    running = Demo(folder / "hub-data", process)
    alarm = threading.Timer(DEMO_SECONDS, process.terminate)
    alarm.start()
    try:
        for line in process.stdout:
            running.lines.append(line.rstrip())
            if line.startswith(UP):
                break
        else:
            pytest.fail("\n".join([*running.lines, (folder / "stderr").read_text()]))
        alarm.cancel()
        yield running
    finally:
        alarm.cancel()
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()


def test_the_demo_accounts_for_everything(demo):
    """Every sum holds by the audit, nothing is unaccounted, the figures are the declared ones."""
    told = demo.told
    assert list(told) == FIELDS
    assert told["read"] == LOG_ROWS + EXTRAS + told["ticks"] + told["notices"]
    assert told["read"] == told["routed"] + told["unclaimed"] + told["duplicate"] + told["parked"]
    assert told["accepted"] == sum(told[name] for name in ("delivered", "pending", "rejected", "expired"))
    assert (told["unclaimed"], told["duplicate"], told["parked"], told["rejected"]) == (1, 500, 14, 3)
    assert (told["expired"], told["unaccounted"]) == (0, 0)
    assert told["cases"] == 1199 + 832 + 1409 + 1434
    assert 0 < told["p50_ms"] <= told["p99_ms"]
    assert told["events_per_second"] > 0
    assert (told["late"], told["judged"], told["journeys"]) == (377, 1_329, 2)
    assert (told["handovers_units"], told["handovers_persons"]) == HAND_OVERS
    assert told["ticks"] > 0
    assert told["notices"] > told["late"]
    assert told["islands"] > 0
    assert 0 < told["realisation_ratio"] < 1
    assert "every sum of the ledger holds, and no fault is open" in demo.page
    assert "reference (brief), not measured here" in demo.page
    assert "✗" not in demo.page


def test_the_page_says_what_is_published(demo):
    """Journeys, hand-overs, hand-offs, islands, late cases and obligations: `/v1/indicators` has the same."""
    journeys = demo.rows("Journeys, from real logs")
    assert set(journeys) == {"building-permit", "permit-receipt"}
    for journey, cells in journeys.items():
        assert cells[:6] == told_of(demo, journey), journey
    hands = demo.rows("Hand-overs of work inside the islands")
    assert len(hands) == 4
    for agency, cells in hands.items():
        names = ("handovers-units", "handovers-persons", "variants", "start-activities", "end-activities")
        assert cells == [whole(demo.value(f"process.{name}", f"agency={agency}")) for name in names], agency
    owed = demo.rows("Obligations (invented")
    for agency, cells in owed.items():
        ratio = demo.value("programme.realisation-ratio", f"agency={agency}")
        assert cells == [whole(demo.value("programme.obligations", f"agency={agency}")), f"{ratio:.0%}"]
    assert demo.found(r"islands, by what flowed: (\S+) \((\S+) if weakly\)") == [
        demo.value(f"coordination.{name}") for name in ("islands", "weak-components")
    ]
    in_time = demo.published["completion.in-time", "all"]
    late = [in_time["denominator"] - in_time["numerator"], in_time["denominator"]]
    late.append(demo.value("completion.late-open"))
    assert demo.found(r"late cases: (\S+) of (\S+) that ended .*; (\S+) open past") == late
    assert demo.found(r"from agency to agency: (\S+)$") == [demo.value("coordination.handoffs")]
    assert demo.found(r"realisation ratio: (\d+)%") == [round(100 * demo.told["realisation_ratio"])]
    assert demo.told["realisation_ratio"] == demo.value("programme.realisation-ratio")


@pytest.fixture(scope="module")
def samples(demo):
    """Return what `/metrics` says once the gauges, which are refreshed now and then, are as published."""
    wanted, deadline = expected_samples(demo), time.monotonic() + GAUGES_SECONDS
    while True:
        found = demo.metrics()
        got = {key: found[key[0]].get(frozenset(key[1:])) for key in wanted}
        if got == wanted or time.monotonic() > deadline:
            assert got == wanted
            return found
        time.sleep(0.5)


def test_metrics_say_what_is_published(demo, samples):
    """Every figure of the page that is a gauge has its published value; so have hand-offs, obligations."""
    wanted = expected_samples(demo)
    assert Counter(key[0] for key in wanted).keys() == {
        *("hub_islands", "hub_cases", "hub_handovers", "hub_obligations", "hub_programme_realisation_ratio"),
    }
    passed = sum(samples["hub_handoff_seconds_count"].values())
    assert passed == demo.value("coordination.handoffs")
    shown = sum(value for labels, value in samples["hub_obligations"].items())
    assert shown == demo.value("programme.obligations")


@pytest.fixture(scope="module")
def ask(demo, samples, tmp_path_factory):
    """Start a Prometheus beside the demo; return a function: expression of a dashboard -> its answer."""
    assert samples
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prometheus, "SCRAPE", "1s")
        server = prometheus.Prometheus(tmp_path_factory.mktemp("ask"), demo.url.removeprefix("http://"))
        server.start()
    on_boards = {each for _, each in expressions()}

    def asked(expression):
        assert expression in on_boards, "no dashboard asks that"
        address = f"{server.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            rows = json.load(answer)["data"]["result"]
        return {tuple(each["metric"].values()): float(each["value"][1]) for each in rows}

    try:
        deadline = time.monotonic() + 60
        while not asked("max(hub_islands)"):
            assert time.monotonic() < deadline, server.last_words()
            time.sleep(0.2)
        yield asked
    finally:
        server.stop()


def test_dashboards_show_what_is_published(demo, ask):
    """The expressions of panels give the numbers of the page, asked of a Prometheus beside the demo."""

    def of_all(state):
        return ask(f'sum(max by (journey) (hub_cases{{state="{state}"}}))')[()]

    assert [of_all(state) for state in ("completed", "open", "stuck", "late", "ended_late")] == [
        *(demo.value(f"completion.{name}") for name in ("completed", "open", "stuck", "late-open")),
        demo.told["late"],
    ]
    assert ask("max(hub_islands)") == {(): demo.told["islands"]}
    assert ask('max(hub_programme_realisation_ratio{agency="all"})') == {(): demo.told["realisation_ratio"]}
    ratios = ask('max by (agency) (hub_programme_realisation_ratio{agency!="all"})')
    shares = {agency: f"{value:.0%}" for (agency,), value in ratios.items()}
    assert shares == {agency: cells[1] for agency, cells in demo.rows("Obligations (invented").items()}
    handed = ask("max by (agency, level) (hub_handovers)")
    assert {level: sum(value for key, value in handed.items() if level in key) for level in LEVELS} == {
        "unit": demo.told["handovers_units"],
        "person": demo.told["handovers_persons"],
    }
    states = ask("sum by (state) (max by (agency, state) (hub_obligations))")
    assert sum(states.values()) == demo.value("programme.obligations")


LEVELS = ("unit", "person")


def test_published_figures_come_out_of_the_logs_again(demo, monkeypatch):
    """`hub indicator verify` of a figure of each indicator, of coordination by month too: the same again."""
    memory = {}

    def once(name):
        work = getattr(verify, name)

        def remembered(settings, edition, rules, say):
            key = name, str(edition.as_of.document()), edition.versions.registry, edition.published_at
            if key not in memory:
                memory[key] = work(settings, edition, rules, say)
            return memory[key]

        monkeypatch.setattr(verify, name, remembered)

    for name in ("_flows", "_folded"):
        once(name)
    chosen = some_of_each(demo)
    assert {DEFINITIONS[indicator].family for indicator, _, _ in chosen} == {
        *("completion", "process", "coordination", "programme", "participation"),
    }
    assert any("-" in period for indicator, period, _ in chosen if indicator == "coordination.islands")
    different = {}
    for indicator, period, of in chosen:
        command = ["indicator", "verify", indicator, "1", "--period", period, "--breakdown", of, "--json"]
        done = CliRunner().invoke(app, [*command, "--data-dir", str(demo.data_dir)])
        if done.exit_code or not json.loads(done.stdout)["same"]:
            different[indicator, period, of] = done.stdout or done.exception
    configure_logging("critical")
    assert different == {}
    assert {name for name, *_ in memory} == {"_flows", "_folded"}


def some_of_each(demo):
    """Return indicator, period and breakdown: a figure of each, of coordination one of two months too."""
    found = {}
    for each in ALL_DEFINITIONS:
        page = json.loads(demo.get("/v1/indicators", id=each.id, limit=1000))["figures"]
        months = sorted({figure["period"] for figure in page if "-" in figure["period"]})
        wanted = {"all", months[0], months[-1]} if each.family == "coordination" and months else {"all"}
        for figure in page:
            if figure["period"] in wanted:
                place = figure["indicator"], figure["period"], figure["breakdown"]
                found.setdefault(place[:2], place)
    return list(found.values())


def test_the_demo_stops_in_order_when_it_is_asked_to(demo):
    """SIGTERM ends it with code 0: all was well."""
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(120) == 0
