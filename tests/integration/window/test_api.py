"""The API as a process, over HTTP, on real Kafka and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from hub.audit.account import Changes
from hub.broker.desired.apply import apply
from hub.broker.registry_topic import read_registry
from hub.contracts import topics
from hub.contracts.names import AgreementId, EventType
from hub.launch.environment import child_environment
from hub.registry.model import ALWAYS, Agency, Agreement, Registry, system_agencies
from hub.store import audit
from hub.store.engine import engine

STEP = EventType("service.step.completed.v1")
DECLARED = EventType("catalogue.service.declared.v1")

GOOD = (
    "/v1/agencies", "/v1/agencies/window", "/v1/services", "/v1/datasets", "/v1/event-types",
    "/v1/event-types/service.step.completed.v1", "/v1/agreements", "/v1/agreements/window-rejections",
    "/v1/events", "/v1/ledger", "/livez", "/readyz", "/v1/openapi.json", "/help/problems/not-found",
    "/registry/subjects", "/registry/schemas/ids/1", "/registry/config", "/registry/mode",
)  # fmt: skip

UNKNOWN = (
    "/", "/v1", "/v1/agencies/nobody", "/v1/services/town/none", "/v1/services/town/a%00b",
    "/v1/datasets/town/none", "/v1/event-types/no.such.type.v1", "/v1/agreements/none", "/v1/agencies/",
    "/help/problems/none", "/v1/événements", "/v1/agencies/%00",
)  # fmt: skip

BAD = (
    "/v1/events?limit=0", "/v1/events?limit=1001", "/v1/events?limit=x", "/v1/events?type=nonsense",
    "/v1/events?agency=UPPER", "/v1/events?case=nonsense", "/v1/events?agncy=town", "/v1/services?state=%27",
    "/v1/services?agency=UPPER", "/v1/agencies?x=1", "/v1/events?case=town/a%00b",
)  # fmt: skip

BAD_CURSORS = (
    "/v1/events?cursor=x", "/v1/events?cursor=", "/v1/events?cursor=W10", "/v1/services?cursor=x",
    "/v1/services?cursor=W10", "/v1/events?cursor=" + "A" * 5000,
)  # fmt: skip


@pytest.fixture(scope="module")
def registered(prepared):
    """Register an agency `town`, beside whatever other tests registered."""
    known = read_registry(prepared.settings, topics.ADMIN_PRINCIPAL).current
    agencies = dict(known.agencies if known else system_agencies())
    agreements = dict(known.agreements if known else {})
    agencies["town"] = Agency("town", 0, "شهر", "Town", grants=frozenset({STEP, DECLARED}))
    agreements["town-window"] = Agreement(
        AgreementId("town-window"), 0, "town", "window", "single-window", "پنجرهٔ واحد", "The single window",
        "example", {STEP: frozenset({"handled_by"}), DECLARED: frozenset()}, "pass", "pass", ALWAYS,
    )  # fmt: skip
    apply(prepared.settings, Registry(0, agencies, agreements))
    return prepared


@pytest.fixture
def audited(window):
    """Give a function that writes what an audit would after a cut: one delivery of seven is missing."""
    faults = {"missing": 1, "doubled": 0, "altered": 0, "out_of_order": 0}
    line = {"read": 9, "routed": 7, "unclaimed": 0, "duplicate": 1, "parked": {"decode": 1}}
    route = {"accepted": 7, "delivered": 4, "pending": 2, "rejected": 0, "expired": 0}
    sheet = {
        "intake": [{"topic": "agency.town.outbox", "partition": 0, **line}],
        "routes": [{"route": f"town-window/{STEP}", "recipient": "window", **route, "unaccounted": faults}],
        "totals": {"open": 1},
        "balanced": False,
    }

    def write(seconds_ago=0):
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        books = audit.Books(window.engine)
        books.load()
        books.save(Changes([], [], [], [], b""), {}, audit.Complete(at, at, 0.0, sheet))

    return write


@pytest.fixture
def api(registered, window, poll_until, tmp_path):  # noqa: ARG001 - the registry must be there
    """Start the API on a free port and give a client of it."""
    log = tmp_path / "api.log"
    environment = child_environment(window.settings) | {"HUB_API__PORT": "0"}
    with log.open("wb") as out:
        child = subprocess.Popen([sys.executable, "-m", "hub.api"], env=environment, stderr=out)

    def address():
        assert child.poll() is None, log.read_text()
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return next((line["url"] for line in lines if line["event"] == "listening"), None)

    with httpx.Client(base_url=poll_until(address), timeout=30) as client:
        poll_until(lambda: client.get("/readyz").status_code == 200, log.read_text)
        yield client
    child.terminate()
    assert child.wait(20) == 0, log.read_text()


def test_the_ledger_is_the_audits_and_says_how_old_it_is(api, audited, poll_until):
    """503 before the first complete cut, never zeros; then the sheet with its age, and agencies' figures."""
    answer = api.get("/v1/ledger")
    assert (answer.status_code, answer.json()["type"]) == (503, "/help/problems/not-ready")
    assert api.get("/v1/agencies/town").json()["published"] is None
    audited(seconds_ago=300)
    told = api.get("/v1/ledger").json()
    assert 300 <= told["age_seconds"] < 400
    assert (told["balanced"], told["totals"]["open"], told["sequence_faults"]) == (False, 1, {})
    found = poll_until(lambda: (shown := api.get("/v1/agencies/town").json())["published"] and shown)
    assert found["published"] == {"read": 9, "routed": 7, "unclaimed": 0, "duplicate": 1, "parked": 1}
    assert found["connected"] is True
    received = api.get("/v1/agencies/window").json()["received"]
    assert received == {
        "accepted": 7, "delivered": 4, "pending": 2, "rejected": 0, "expired": 0, "missing": 1,
    }  # fmt: skip


def test_every_route_answers_and_every_error_is_a_problem(api, audited):
    """All good addresses give 200; unknown, bad and wrong-method ones give problem details that help."""
    audited()
    for path in GOOD:
        assert api.get(path).status_code == 200, path
    cases = [("GET", path, 404, "not-found") for path in UNKNOWN]
    cases += [("GET", path, 422, "invalid-parameter") for path in BAD]
    cases += [("GET", path, 400, "bad-cursor") for path in BAD_CURSORS]
    cases += [("POST", path, 405, "method-not-allowed") for path in GOOD]
    for method, path, status, name in cases:
        answer = api.request(method, path)
        assert answer.headers["content-type"] == "application/problem+json", (path, answer.text)
        body = answer.json()
        found = (answer.status_code, body["status"], body["type"])
        assert found == (status, status, f"/help/problems/{name}"), path
        assert len(body["detail"]) > 10
        assert "Traceback" not in answer.text
        assert api.get(body["type"]).status_code == 200


def test_titles_are_persian_or_english_as_the_reader_prefers(api):
    """Accept-Language decides, by weight; English where it says nothing."""
    wanted = {
        "fa": "پیدا نشد",
        "en-GB, fa;q=0.3": "Not found",
        "de, fa-IR;q=0.9": "پیدا نشد",
        "": "Not found",
    }
    for header, title in wanted.items():
        assert api.get("/none", headers={"Accept-Language": header}).json()["title"] == title, header


def test_a_foreign_host_name_is_refused(api):
    """DNS rebinding: a page of another site cannot read the hub through the reader's browser."""
    answer = api.get("/v1/events", headers={"Host": "evil.example:8080"})
    assert (answer.status_code, answer.json()["type"]) == (421, "/help/problems/misdirected")
    assert api.get("/livez", headers={"Host": "localhost:1"}).status_code == 200


def test_an_agency_shows_titles_grants_and_that_it_has_not_published(api):
    """Registry and measurement stand side by side."""
    found = api.get("/v1/agencies/town").json()
    assert found["title"] == {"fa": "شهر", "en": "Town"}
    assert found["publishes"] == [DECLARED, STEP]
    agreement = api.get("/v1/agreements/town-window").json()
    assert agreement["event_types"][STEP] == {"withheld": ["handled_by"], "only": None}
    assert agreement["valid"]["until"] is None


def test_the_feed_pages_without_gap_or_repeat_while_it_grows(api, window, step, poll_until):
    """A reader pages to the end, more arrives in every partition, and it goes on from its cursor."""
    for number in range(1, 121):
        window.deliver(step(number), seq=(number - 1) // 4 + 1, partition=number % 4)
    window.flush()
    window.start()
    seen, cursor, written = [], None, 120
    for _ in range(200):
        page = api.get("/v1/events", params={"limit": 7} | ({"cursor": cursor} if cursor else {})).json()
        seen += [(each["partition"], each["offset"]) for each in page["events"]]
        cursor = page["next"]
        if len(seen) == written == 320:
            break
        if len(seen) > 40 and written < 320:
            for number in range(written + 1, written + 51):
                window.deliver(step(number), seq=(number - 1) // 4 + 1, partition=number % 4)
            window.flush()
            written += 50
            if written == 270:
                for number in range(271, 321):
                    window.deliver(step(number), seq=(number - 1) // 4 + 1, partition=number % 4)
                window.flush()
                written = 320
        if not page["more"]:
            poll_until(
                lambda wanted=written: window.sql("SELECT count(*) FROM feed") == [(wanted,)], window.log
            )
    assert len(seen) == len(set(seen)) == 320
    for partition in range(4):
        own = [offset for part, offset in seen if part == partition]
        assert own == sorted(own)


def test_the_feed_is_filtered_by_type_agency_and_case(api, window, step, poll_until):
    """Filters hold over pages; a cursor of one question does not serve another."""
    for number in range(1, 41):
        window.deliver(step(number, agency="town" if number % 2 else "village"), seq=(number + 1) // 2,
                       route="town-w" if number % 2 else "village-w")  # fmt: skip
    window.flush()
    window.start()
    poll_until(lambda: window.sql("SELECT count(*) FROM feed") == [(40,)], window.log)
    first = api.get("/v1/events", params={"agency": "town", "limit": 15}).json()
    second = api.get("/v1/events", params={"agency": "town", "limit": 15, "cursor": first["next"]}).json()
    assert [len(first["events"]), len(second["events"])] == [15, 5]
    assert (first["more"], second["more"]) == (True, False)
    assert {each["agency"] for each in first["events"] + second["events"]} == {"town"}
    case = api.get("/v1/events", params={"case": "town/c-1"}).json()["events"]
    assert {each["caseid"] for each in case} == {"town/c-1"}
    assert (
        api.get("/v1/events", params={"cursor": first["next"]}).json()["type"] == "/help/problems/bad-cursor"
    )
    assert api.get("/v1/events", params={"type": DECLARED}).json()["events"] == []


def test_services_are_listed_by_page_with_their_declaring_event(api, window, step, poll_until):
    """5 services on pages of 2; each names who declared it; one is found by its address."""
    for number in range(1, 6):
        event = step(number, type_=DECLARED, caseid=None, subject=f"s/{number}")
        data = {
            "service_id": f"s/{number}",
            "title_fa": "خدمت",
            "state": "connected" if number > 2 else "listed",
        }
        window.deliver(event, seq=number, data=data)
    window.flush()
    window.start()
    poll_until(lambda: window.sql("SELECT count(*) FROM catalogue") == [(5,)], window.log)
    found, cursor = [], None
    while True:
        page = api.get("/v1/services", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [each["id"] for each in page["services"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [f"s/{number}" for number in range(1, 6)]
    assert page["states"] == {"connected": 3, "listed": 2}
    one = api.get("/v1/services/town/s%2F3").json()
    assert (one["title_fa"], one["declared"]["by"], one["declared"]["event_type"]) == (
        "خدمت",
        "town",
        DECLARED,
    )
    assert len(api.get("/v1/services", params={"state": "listed"}).json()["services"]) == 2


def test_ready_names_what_is_missing_and_metrics_stay_reachable(api, window, registered):
    """Without PostgreSQL /readyz is 503 and says so, /livez stays 200, data routes are problems."""
    name = window.sql("SELECT current_database()")[0][0]
    window.engine.dispose()
    server = engine(registered.settings).execution_options(isolation_level="AUTOCOMMIT")
    with closing(server.connect()) as connection:
        connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"),
            {"n": name},
        )
        try:
            answer = api.get("/readyz")
            assert (answer.status_code, answer.json()["missing"]) == (503, ["postgresql"])
            assert api.get("/livez").status_code == 200
            assert api.get("/v1/events").json()["type"] == "/help/problems/not-ready"
            assert "hub_inbox_oldest_pending_seconds" in api.get("/metrics").text
        finally:
            connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"))
    server.dispose()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_address_that_others_can_reach_is_refused(prepared, host):
    """Exit code 2 and one sentence: there is no sign-in yet."""
    environment = child_environment(prepared.settings) | {"HUB_API__HOST": host, "HUB_API__PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "hub.api"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "no sign-in yet" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_one_sentence(window, api):
    """Exit code 1, the port named."""
    environment = child_environment(window.settings) | {"HUB_API__PORT": str(api.base_url.port)}
    done = subprocess.run(
        [sys.executable, "-m", "hub.api"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"port {api.base_url.port} on 127.0.0.1 is taken" in done.stderr


def test_a_stock_client_finds_schemas_and_its_own_error_codes(api):
    """`/registry` answers as the Confluent API does: ids, subjects, versions, and error_code on errors."""
    subject = "service.step.completed.v1-value"
    latest = api.get(f"/registry/subjects/{subject}/versions/latest").json()
    by_id = api.get(f"/registry/schemas/ids/{latest['id']}").json()
    assert json.loads(by_id["schema"]) == json.loads(latest["schema"])
    codes = {
        "/registry/subjects/none-value/versions": 40401,
        f"/registry/subjects/{subject}/versions/99": 40402,
        "/registry/schemas/ids/999999": 40403,
        f"/registry/subjects/{subject}/versions/zero": 42202,
    }
    for path, code in codes.items():
        assert api.get(path).json()["error_code"] == code, path
