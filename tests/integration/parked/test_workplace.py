"""Parked events as a workplace, on real engines with the real gate: nothing lost, nothing twice."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import KafkaException, Producer

from hub.broker import clients, credentials
from hub.broker.records import record_of
from hub.contracts import envelope, topics
from hub.contracts.names import EventType

pytestmark = pytest.mark.slow

STEP = EventType("service.step.completed.v1")
SUBMITTED = EventType("service.request.submitted.v1")
VIEWED = b"hub.contents.viewed.v1"


def test_refused_events_are_listed_by_class_with_owner_and_without_contents(fresh_office):
    """Several classes; filters narrow; `show` says whose it is and why, and never a value."""
    office = fresh_office
    key, value, headers = office.event(STEP)
    broken = [
        office.publish(key, b"\x01nonsense", headers),
        office.publish(key, value, [*headers, ("hub-reason", b"forged"), ("hub-origin", b"x")]),
        office.publish(key, b"\x00\xff\xff\xff\xff1", headers),
        office.publish(key, bytes(1_200_000), headers),
        office.publish(*office.event(SUBMITTED)),
    ]
    classes = ["frame", "envelope", "unknown-schema", "too-large", "not-allowed"]
    office.until(lambda: len(office.rows(broken)) == len(broken), "the parked events")
    assert [office.rows(broken)[each][2] for each in broken] == classes
    found = office.run("parked", "list", "--agency", "city", "--json")
    groups = {each["reason"]: each for each in found["groups"]}
    assert groups.keys() >= set(classes)
    assert groups["unknown-schema"]["owner"] == "hub"
    assert groups["frame"]["owner"] == "city"
    assert {each["origin"] for each in found["events"]} >= set(broken)
    only = office.run("parked", "list", "--reason", "unknown-schema", "--json")
    assert {each["reason"] for each in only["events"]} == {"unknown-schema"}
    assert (
        office.run("parked", "list", "--text", broken[3].upper(), "--json")["events"][0]["bytes"] > 1_200_000
    )
    assert office.run("parked", "list", "--until", "2020-01-01T00:00:00Z", "--json")["events"] == []
    shown = office.run("parked", "show", broken[0], "--json")
    assert (shown["agency"], shown["owner"], shown["reason"], shown["state"]) == (
        "city",
        "city",
        "frame",
        "open",
    )
    assert "contents" not in shown
    assert "nonsense" not in json.dumps(shown)
    plain = office.run("parked", "list", "--reason", "frame")
    assert broken[0] in plain.replace("\n", "")


def test_a_replay_is_tried_delivered_once_and_never_again(fresh_office):
    """The dry run says what the gate would decide now; the replay is the original byte for byte."""
    office = fresh_office
    key, value, headers = office.event(id="replayed-1")
    origin = office.publish(key, value, headers, partition=3)
    office.until(lambda: office.rows([origin]), "the parked event")
    tried = office.run("parked", "replay", origin, "--note", "grant?", "--dry-run", "--json")
    assert (tried[0]["verdict"], tried[0]["reason"]) == ("parked", "not-allowed")
    office.apply(SUBMITTED)
    tried = office.run("parked", "replay", origin, "--note", "grant?", "--dry-run", "--json")
    assert tried == [{"origin": origin, "verdict": "routed", "recipients": ["court"]}]
    assert office.states([origin]) == ["open"]
    done = office.run("parked", "replay", origin, "--note", "granted now", "--as", "ali", "--json")
    assert done["replayed"] == [origin]
    again = office.run("parked", "replay", origin, "--note", "granted now", "--json", code=1)
    assert (again["replayed"], again["settled_before"]) == ([], [origin])
    office.until(lambda: office.states([origin]) == ["replayed"], "the settlement")
    assert office.rows([origin])[origin][1] == "ali"
    office.until(lambda: office.delivered(["replayed-1"])[0] == [1], "the delivery")
    (delivery,) = office.delivered(["replayed-1"])[1]
    assert delivery[envelope.REPLAY_OF].decode() == origin
    assert delivery[envelope.ORIGIN].decode().startswith("agency.hub.outbox/")
    (replay,) = [
        each
        for each in map(record_of, office.read(topics.outbox(topics.HUB)))
        if ("ce_id", b"replayed-1") in each.headers
    ]
    assert (replay.key, replay.value) == (key, value)
    assert list(replay.headers) == [*headers, (envelope.REPLAY_OF, origin.encode())]


def test_a_replay_that_is_refused_again_is_open_by_itself(fresh_office):
    """It stands under its place on the hub's outbox, names what it replays, and can be replayed in turn."""
    office = fresh_office
    (origin,) = office.park(id="twice")
    office.run("parked", "replay", origin, "--note", "too early")
    statement = (
        "SELECT concat_ws('/', origin_topic, origin_partition, origin_offset), agency, owner, state"
        " FROM parked WHERE replay_of = :origin"
    )
    office.until(lambda: office.sql(statement, origin=origin), "the replay to be parked")
    ((second, agency, owner, state),) = office.sql(statement, origin=origin)
    assert (agency, owner, state) == ("city", "city", "open")
    assert second.startswith("agency.hub.outbox/")
    office.apply(SUBMITTED)
    office.run("parked", "replay", second, "--note", "granted now")
    office.until(lambda: office.delivered(["twice"])[0] == [1], "the delivery")
    assert office.delivered(["twice"])[1][0][envelope.REPLAY_OF].decode() == origin


def test_a_too_large_event_is_taken_from_its_outbox_whole(fresh_office):
    """hub.parked has a piece only; the dry run has the whole and says that it is too large still."""
    office = fresh_office
    key, _, headers = office.event(STEP)
    origin = office.publish(key, bytes(1_100_000), headers)
    office.until(lambda: office.rows([origin]), "the parked event")
    (tried,) = office.run("parked", "replay", origin, "--note", "-", "--dry-run", "--json")
    assert (tried["verdict"], tried["reason"]) == ("parked", "too-large")


def test_a_discarded_event_is_settled_and_stays_in_the_log(fresh_office):
    """One event at once, by the hub's own agency where the login is no operator."""
    office = fresh_office
    (origin,) = office.park()
    assert office.run("parked", "discard", origin, "--note", "sent again", "--json")["discarded"] == [origin]
    office.until(lambda: office.states([origin]) == ["discarded"], "the settlement")
    kept = [record_of(each) for each in office.read(topics.PARKED)]
    assert any((envelope.ORIGIN, origin.encode()) in each.headers for each in kept)
    assert origin not in json.dumps(office.run("parked", "list", "--json", "--limit", "5000"))


def test_many_at_once_want_a_second_person(fresh_office):
    """Who asked cannot confirm; the second person can, and every event is delivered once."""
    office = fresh_office
    ids = [f"bulk-{number}" for number in range(6)]
    origins = [office.park(id=each)[0] for each in ids]
    office.apply(SUBMITTED)
    asked = office.run("parked", "replay", *origins, "--note", "granted", "--as", "ali", "--json")
    id_ = asked["request_id"]
    assert asked["events"] == 6
    office.until(lambda: office.sql("SELECT 1 FROM parked_request WHERE request_id = :id", id=id_))
    assert office.states(origins) == ["open"] * 6
    assert "somebody else" in office.run("parked", "confirm", id_, "--as", "ali", code=2)
    assert "no credentials of an operator" in office.run("parked", "confirm", id_, "--as", "eve", code=2)
    foreign = {"HUB_KAFKA__USERNAME": "operator.ali", "HUB_KAFKA__PASSWORD": "x"}
    assert "not the operator" in office.run("parked", "confirm", id_, "--as", "bita", code=2, **foreign)
    done = office.run("parked", "confirm", id_, "--as", "bita", "--json")
    assert sorted(done["replayed"]) == sorted(origins)
    office.until(lambda: office.states(origins) == ["replayed"] * 6, "the settlements")
    office.until(lambda: office.delivered(ids)[0] == [1] * 6, "the deliveries")
    assert {row[1] for row in office.rows(origins).values()} == {"bita"}
    again = office.run("parked", "confirm", id_, "--as", "bita", "--json")
    assert (again["replayed"], len(again["settled_before"])) == ([], 6)
    office.until(lambda: _request(office, id_)["state"] == "confirmed", "the decision")
    told = _request(office, id_)
    assert (told["requested_by"], told["decided_by"], told["still_open"]) == ("ali", "bita", 0)
    seqs = sorted(
        (each[envelope.ORIGIN].rpartition(b"/")[0], int(each[envelope.SEQ]))
        for each in (dict(record_of(one).headers) for one in office.read(topics.inbox("court")))
        if each[envelope.ORIGIN].startswith(b"agency.hub.outbox/") and each["ce_type"] == SUBMITTED.encode()
    )
    for lane in {each for each, _ in seqs}:
        found = [seq for each, seq in seqs if each == lane]
        assert found == list(range(1, len(found) + 1))


def test_a_declined_request_changes_nothing(fresh_office):
    """Its events stay open, and nobody can confirm it any more."""
    office = fresh_office
    origins = office.park(2)
    note = ["--note", "again", "--as", "ali", "--json"]
    id_ = office.run("parked", "discard", *origins, *note)["request_id"]
    office.until(lambda: office.sql("SELECT 1 FROM parked_request WHERE request_id = :id", id=id_))
    office.run("parked", "decline", id_, "--as", "bita", "--note", "ask them first")
    assert "declined by bita" in office.run("parked", "confirm", id_, "--as", "bita", code=2)
    office.until(lambda: _request(office, id_)["state"] == "declined", "the decision")
    assert office.states(origins) == ["open", "open"]


def test_whoever_looks_at_contents_is_on_record_first(fresh_office):
    """Without a reason no contents; with one, who looked at what and why reaches the hub's inbox."""
    office = fresh_office
    (origin,) = office.park(id="looked-at", data={"service_id": "passport"})
    assert "reason" in office.run("parked", "show", origin, "--contents", code=2)
    shown = office.run("parked", "show", origin, "--contents", "--reason", "ticket 4711", "--as", "ali")
    assert shown["contents"]["value"]["data"]["service_id"] == "passport"
    assert ["ce_id", "looked-at"] in shown["contents"]["headers"]

    def looked():
        for record in map(record_of, office.read(topics.inbox(topics.HUB))):
            if ("ce_type", VIEWED) in record.headers:
                data = office.codec.decode(record.value)[1]
                if data["origin"] == origin:
                    return data
        return None

    data = office.until(looked, "the event that says who looked")
    assert (data["viewed_by"], data["purpose"], data["event_id"]) == ("ali", "ticket 4711", "looked-at")


def test_an_operator_may_act_by_login_and_nothing_beyond(fresh_office):
    """HUB_KAFKA__USERNAME and its password are enough; others' outboxes and transactions are refused."""
    office = fresh_office
    (origin,) = office.park()
    login = {"HUB_KAFKA__USERNAME": "operator.ali"}
    login["HUB_KAFKA__PASSWORD"] = credentials.password(office.settings, "operator.ali")
    (tried,) = office.run("parked", "replay", origin, "--note", "-", "--dry-run", "--json", **login)
    assert tried["reason"] == "not-allowed"
    office.run("parked", "discard", origin, "--note", "mended", "--json", **login)
    office.until(lambda: office.states([origin]) == ["discarded"], "the settlement")
    assert office.rows([origin])[origin][1] == "ali"
    for principal, id_ in (("operator.ali", "hub.gate.0"), ("city", topics.DESK_SETTLING)):
        config = clients.base(office.settings, principal) | {"transactional.id": id_, "log_level": 0}
        with pytest.raises(KafkaException, match="TRANSACTIONAL_ID_AUTHORIZATION_FAILED"):
            Producer(config).init_transactions(15)
    errors = []
    producer = Producer(clients.writer(office.settings, "operator.ali") | {"log_level": 0})
    producer.produce(topics.outbox("city"), b"x", on_delivery=lambda error, _: errors.append(error.name()))
    producer.flush(15)
    assert errors == ["TOPIC_AUTHORIZATION_FAILED"]


def test_an_operator_can_be_listed_and_removed(office):
    """A removed operator's credentials are gone."""
    office.run("operator", "add", "temp")
    assert office.run("operator", "list", "--json") == ["ali", "bita", "temp"]
    office.run("operator", "remove", "temp")
    assert office.run("operator", "list", "--json") == ["ali", "bita"]
    assert "there is no operator" in office.run("operator", "remove", "temp", code=2)


def _request(office, id_):
    (found,) = [each for each in office.run("parked", "requests", "--json") if each["request_id"] == id_]
    return found
