"""From a fault to a balanced route: found, explained, mended through the real gate; nothing sent twice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from hub.audit.books import Fault
from hub.broker.desk.desk import Desk
from hub.broker.desk.history import sent
from hub.broker.desk.people import Person
from hub.broker.desk.places import fetch
from hub.cli.app import app
from hub.contracts import topics
from hub.contracts.origin import Origin
from hub.errors import FencedError, HubError
from hub.launch.environment import child_environment
from hub.mending import repair
from hub.mending.order import Order
from hub.parked.replay import afresh
from tests.integration.audit.conftest import until
from tests.integration.gate.conftest import STEP

DATA = {"service_id": "s-1", "role": "clerk"}
REASON = ("--reason", "a crooked gate, ticket 88")
HUB_OUTBOX = topics.outbox(topics.HUB)


class Ledger:
    """The command line as an operator uses it, on one audit's books."""

    def __init__(self, settings, monkeypatch):
        for name, value in child_environment(settings).items():
            if name.startswith("HUB_"):
                monkeypatch.setenv(name, value)

    def run(self, *arguments):
        return CliRunner().invoke(app, ["ledger", *arguments])

    def json(self, *arguments):
        done = self.run(*arguments, "--json")
        assert done.stdout, repr(done.exception)
        return done.exit_code, json.loads(done.stdout)

    def refused(self, *arguments):
        """Return what a command that is refused says."""
        done = self.run(*arguments)
        assert isinstance(done.exception, HubError), done.output
        return str(done.exception)

    def line(self, route):
        _, sheet = self.json()
        return next(each for each in sheet["routes"] if each["route"] == route)


class Scene:
    """A source, a victim of a crooked gate, an honest recipient; the routes, and origins by what is wrong."""

    def __init__(self, hub):
        self.hub = hub
        self.source, self.victim, self.honest = (hub.agency(name) for name in ("source", "victim", "honest"))
        self.crooked = f"{hub.agree(self.source, self.victim, mask=('role',))}/{STEP}"
        self.straight = f"{hub.agree(self.source, self.honest)}/{STEP}"
        self.missing, self.altered, self.doubled, self.lost, self.well = (
            f"{topics.outbox(self.source)}/0/{offset}" for offset in (1, 2, 3, 4, 5)
        )

    def play(self):
        """Let the crooked gate leave out two, unmask one and double one; then a good gate goes on."""
        hub = self.hub
        hub.apply()
        unmasked = hub.codec.encode(STEP, DATA)
        hub.crooked_gate([self.victim], skip=["e-1", "e-4"], values={"e-2": unmasked.hex()}, twice=["e-3"])
        for number in range(6):
            hub.send(self.source, *hub.event(self.source, DATA, id=f"e-{number}", caseid=f"{self.source}/c"))
        hub.flush()
        hub.until_decided(self.source, 6)
        hub.stop_gates()
        hub.start_gate()

    def replays(self, origin):
        """Return the replays of an origin on the hub's outbox."""
        return [
            each for each in self.hub.read(HUB_OUTBOX) if ("hub-replay-of", origin.encode()) in each.headers
        ]

    def said(self, type_):
        """Return the data of every event of a type that agency `hub` has published."""
        found = [each for each in self.hub.read(HUB_OUTBOX) if ("ce_type", type_.encode()) in each.headers]
        return [self.hub.codec.decode(each.value)[1] for each in found]


@pytest.fixture
def scene(hub):
    """Play the scene."""
    made = Scene(hub)
    made.play()
    return made


@pytest.fixture
def ledger(scene, desk, monkeypatch):
    """Start an audit on books of its own, and give the command line on them."""
    one = desk()
    made = Ledger(one.settings, monkeypatch)
    assert "first count" in made.refused()
    one.start()
    until(lambda: one.sheet() is not None and made.json("explain", scene.crooked)[1]["count"] >= 4, one.log)
    return made


@pytest.mark.slow
def test_explain_names_events_and_repair_refuses_what_makes_no_sense(scene, ledger):
    """Origins, kinds and places; contents only with a reason, recorded first; every refusal says why."""
    code, sheet = ledger.json()
    assert (code, sheet["balanced"]) == (1, False)
    assert sheet["age_seconds"] < 60
    assert ledger.line(scene.straight)["balanced"]
    shown = ledger.run().stdout
    assert f": hub ledger explain {scene.crooked}" in shown
    assert "missing 2, doubled 1, altered" in shown
    assert "FAULTS" in shown

    code, told = ledger.json("explain", scene.crooked)
    assert code == 1
    faults = {(each["kind"], each["origin"]): each for each in told["faults"]}
    wanted = {("missing", scene.missing), ("missing", scene.lost)}
    assert wanted | {("altered", scene.altered), ("doubled", scene.doubled)} <= faults.keys()
    one = faults["missing", scene.missing]
    assert (one["event_id"], one["open"], one["original_kept"], one["found"]) == ("e-1", True, True, None)
    assert one["cut"] == 6
    assert faults["doubled", scene.doubled]["found_kept"] is True
    assert ledger.run("explain", scene.straight).exit_code == 0

    asked = ("explain", scene.crooked, "--origin", scene.altered, "--contents")
    assert "clerk" not in ledger.run("explain", scene.crooked).output
    assert "--reason" in ledger.refused(*asked)
    assert scene.said("hub.contents.viewed.v1") == []
    _, told = ledger.json(*asked, "--reason", "did the role leak?")
    fault = next(each for each in told["faults"] if each["kind"] == "altered")
    assert {fault["contents"][side]["data"]["role"] for side in ("original", "found")} == {"clerk"}
    assert fault["contents"]["due"]["value"]["role"] is None
    assert fault["differs"] == ["field role"]
    looks = scene.said("hub.contents.viewed.v1")
    assert (scene.altered, "did the role leak?") in {(each["origin"], each["purpose"]) for each in looks}
    assert all(each["viewed_by"] for each in looks)

    assert "no fault of this event" in ledger.refused("repair", scene.well, *REASON)
    assert f"on {scene.straight}" in ledger.refused(
        "repair", scene.missing, "--route", scene.straight, *REASON
    )
    assert "an origin is" in ledger.refused("repair", "nonsense", *REASON)
    assert "no credentials of an operator" in ledger.refused(
        "repair", scene.missing, "--as", "nobody", *REASON
    )
    hub, known = scene.hub, scene.hub.registry
    kept = {id_: each for id_, each in known.agreements.items() if not scene.crooked.startswith(f"{id_}/")}
    hub.registry = replace(known, agreements=kept)
    hub.apply()
    assert "no agreement in force" in ledger.refused("repair", scene.missing, *REASON)
    assert scene.replays(scene.missing) == []
    hub.registry = known


@pytest.mark.slow
def test_from_sabotage_to_a_balanced_route(scene, ledger):
    """What is missing or altered is sent again to the victim alone and once, the copy is explained."""
    settings, lost = scene.hub.settings, Origin.parse(scene.lost)
    # A desk that died in its transaction leaves nothing; one that was overtaken writes nothing.
    (original,) = fetch(settings, [(lost.topic, lost.partition, lost.offset)])
    again = afresh(original, [scene.crooked])
    overtaken = Desk(settings, topics.HUB, repair.MENDING).__enter__()
    with Desk(settings, topics.HUB, repair.MENDING) as desk:
        assert sent(settings, lost, 0) == []
        with pytest.raises(FencedError, match="another repair began"):
            overtaken.write([again])
        (place,) = desk.write([again])
        (found,) = sent(settings, lost, 0)
    assert (found.place, found.routes) == (place, frozenset({scene.crooked}))
    # That one was cut off before anybody could be told: who runs it again finds it, and sends nothing.
    order = Order(lost, "again", Person("sara", topics.HUB))
    fault = Fault(scene.crooked, "missing", lost, 1, 1, None, "")
    assert repair._send_again(settings, order, [fault], original) == (place, False)
    until(lambda: ledger.json("explain", scene.crooked, "--origin", scene.lost)[0] == 0)
    assert "repaired already" in ledger.refused("repair", scene.lost, *REASON)
    assert len(scene.replays(scene.lost)) == 1

    for origin in (scene.missing, scene.altered):
        code, told = ledger.json("repair", origin, *REASON)
        assert (code, told["repaired"], told["sent_now"]) == (0, True, True), told
        assert "repaired already" in ledger.refused("repair", origin, *REASON)
        assert len(scene.replays(origin)) == 1
    # A number that was used twice or left out may count as altered too; it is mended by its event.
    open_ = {
        each["origin"] for each in ledger.json("explain", scene.crooked)[1]["faults"]
        if each["open"] and each["kind"] != "doubled"
    }  # fmt: skip
    for origin in sorted(open_):
        assert ledger.json("repair", origin, *REASON)[1]["repaired"]
    assert "--explain" in ledger.refused("repair", scene.doubled, *REASON)
    assert ledger.line(scene.crooked)["open"] == 1
    closed = ledger.run("repair", scene.doubled, "--explain", "--reason", "the victim dropped the copy")
    assert closed.exit_code == 0, closed.output
    assert f"{scene.crooked} is balanced" in closed.output
    assert ledger.line(scene.crooked)["balanced"]

    for id_, origin in (("e-1", scene.missing), ("e-4", scene.lost)):
        came = [each for each in scene.hub.inbox(scene.victim) if each.header("ce_id") == id_]
        assert [each.header("hub-replay-of") for each in came] == [origin]
    assert len(scene.hub.inbox(scene.honest)) == 6
    code, told = ledger.json("explain", scene.crooked)
    assert code == 0
    repaired = {(each["origin"], each["kind"]): each["repaired"] for each in told["faults"]}
    assert repaired[scene.doubled, "doubled"]["reason"] == "the victim dropped the copy"
    assert repaired[scene.missing, "missing"]["action"] == "redelivered"
    records = {(each["origin"], each["action"]) for each in scene.said("hub.ledger.repaired.v1")}
    assert {(scene.missing, "redelivered"), (scene.doubled, "explained")} <= records
