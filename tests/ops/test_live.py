"""A running hub with Prometheus: every expression of dashboards and rules has data, and nobody is paged."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from connectors.sdk import Config, Event, Publisher
from hub.broker import credentials
from hub.launch import prometheus
from hub.launch.up import Hub
from hub.settings import Settings
from tests.ops.queries import expressions, rules

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed"),
]

NOW = datetime.now(UTC)
STEPS = (
    ("civil-registry", "identity-confirmed"),
    ("tax", "income-confirmed"),
    ("social-insurance", "insurance-confirmed"),
)


# These tell how fast and how full this machine is.
BY_MACHINE = {"HubDeliverySlow", "HubFiguresLate", "HubDiskNearlyFull"}
NOT_ALLOWED = ("tax", Event("feedback.rating.given.v1", {"service_id": "not-ours", "rating": 1}))


def loan(number: int, began: datetime, *, done: bool) -> list[tuple[str, Event]]:
    """Return a case of the journey `loan` by agency: asked for, three checks elsewhere, decided, paid."""
    caseid = f"bank/{number}"

    def event(days: float, type_: str, **data: object) -> Event:
        moment = began + timedelta(days=days)
        return Event(type_, {"service_id": "bank-loan", **data}, caseid=caseid, channel="online", time=moment)

    found = [("bank", event(0, "service.request.submitted.v1"))]
    found += [
        (agency, event(1 + place, "service.step.completed.v1", activity_code=code))
        for place, (agency, code) in enumerate(STEPS)
    ]
    if done:
        found += [
            ("bank", event(5, "service.request.decided.v1")),
            ("bank", event(6, "service.step.completed.v1", activity_code="loan-paid")),
            ("bank", event(7, "service.request.completed.v1")),
        ]
    return found


def programme() -> list[tuple[str, Event]]:
    """Return obligations, one overdue and one fulfilled, ratings and a service."""
    due = {"A-1": NOW - timedelta(days=3), "A-2": NOW + timedelta(days=30)}
    declared = {
        name: {
            "obligation_id": name,
            "owner_agency": "permit-office",
            "deadline_at": moment,
            "title_en": name,
        }
        for name, moment in due.items()
    }
    events = [Event("programme.obligation.declared.v1", data) for data in declared.values()]
    events.append(Event("programme.obligation.progressed.v1", {"obligation_id": "A-2", "state": "fulfilled"}))
    events += [
        Event("feedback.rating.given.v1", {"service_id": "permit", "rating": 4, "rating_max": 5})
        for _ in range(6)
    ]
    service = {"service_id": "bank-loan", "title_en": "A loan"}
    return [
        *(("permit-office", event) for event in events),
        ("service-portal", Event("catalogue.service.declared.v1", service)),
    ]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Start the hub with Prometheus, both in a hurry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prometheus, "SCRAPE", "1s")
        patch.setattr(prometheus, "JUDGE", "1s")
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("hub"),
            api={"port": 0},
            cases={"tick_seconds": 1},
            indicators={"refresh_seconds": 0.5},
        )
        with Hub(settings, with_prometheus=True) as running:
            yield running


@pytest.fixture(scope="module")
def publish(hub):
    """Return a function that publishes events, each over its agency's own login."""
    with contextlib.ExitStack() as stack:

        @cache
        def publisher(code: str) -> Publisher:
            password = credentials.password(hub.settings, code)
            return stack.enter_context(Publisher(Config(code, hub.settings.kafka.bootstrap, password)))

        def published(events: list[tuple[str, Event]]) -> None:
            for code, event in events:
                publisher(code).publish(event)

        yield published


@pytest.fixture(scope="module")
def ask(hub):
    """Return a function that asks Prometheus something and returns its answer."""

    def asked(path: str, **parameters: str) -> dict:
        address = f"{hub.prometheus_url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    return asked


def figures(ask, expression: str) -> list[float]:
    """Return the numbers that an expression has now; NaN is none."""
    values = [float(each["value"][1]) for each in ask("query", query=expression)["result"]]
    return [value for value in values if value == value]  # noqa: PLR0124 - NaN is not itself


def test_every_expression_has_data_once_events_have_flowed(ask, publish):
    """Cases, obligations, ratings and a refusal pass; then no panel and no recording rule is empty."""
    wanted = {each: board for board, each in expressions()}
    wanted |= {rule["record"]: "rules" for rule in rules() if "record" in rule}
    deadline, number = time.monotonic() + 180, 1
    publish(programme())
    while empty := [(board, each) for each, board in wanted.items() if not figures(ask, each)]:
        assert time.monotonic() < deadline, empty
        publish(loan(number, NOW - timedelta(days=60), done=number % 2 == 1))
        publish([NOT_ALLOWED])
        number += 1


def test_the_rules_are_loaded_and_a_working_hub_pages_nobody(hub, ask):
    """All rules are evaluated without an error; no page is even pending; a ticket that is true is."""
    groups = ask("rules")["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in found} == {rule.get("alert", rule.get("record")) for rule in rules()}
    assert [rule for rule in found if rule["health"] != "ok"] == []
    alerts = ask("alerts")["alerts"]
    pages = {alert["labels"]["alertname"] for alert in alerts if alert["labels"]["severity"] == "page"}
    assert pages <= BY_MACHINE
    overdue = [
        each["labels"]["agency"] for each in alerts if each["labels"]["alertname"] == "HubObligationOverdue"
    ]
    assert overdue == ["permit-office"]
    assert "prometheus" in hub.parts


def test_prometheus_is_started_again_and_keeps_what_it_has(hub, ask):
    """Killed, it is a part like the others: it comes back on the same address, with its data."""
    (before,) = figures(ask, "max_over_time(hub_gate_registry_version[10m])")
    old = hub.part("prometheus").process.pid
    hub.kill("prometheus")
    deadline = time.monotonic() + 60
    while True:
        try:
            if hub.part("prometheus").process.pid != old:
                assert figures(ask, "max_over_time(hub_gate_registry_version[10m])") == [before]
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.2)
