"""`hub apply` on the real broker: what it makes, that it converges, what it refuses."""

from __future__ import annotations

import fcntl
import threading
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from hub.broker import clients, credentials
from hub.broker.desired import acls, admin, quotas, users
from hub.broker.desired import apply as applying
from hub.broker.desired.apply import apply
from hub.broker.registry_topic import RegistryFollower, read_registry
from hub.contracts import topics
from hub.errors import ConfigError, FencedError
from hub.registry.model import ALWAYS, Agency, Agreement, Quota, Registry, system_agencies
from hub.registry.plan import plan
from hub.registry.records import encode_edition, number

TYPE = "service.request.submitted.v1"


@pytest.fixture
def settings(engines):
    return engines.settings


@pytest.fixture
def registry(fresh_agency_code):
    """Two fresh agencies and an agreement between them, beside the system's agencies."""
    source, recipient = fresh_agency_code("from"), fresh_agency_code("to")
    agencies = {
        source: Agency(source, 0, "فرستنده", "Source", grants=frozenset({TYPE}), partitions=2),
        recipient: Agency(recipient, 0, "گیرنده", "Recipient"),
    }
    agreement = Agreement(
        f"a-{source}", 0, source, recipient, "test", "آزمون", "Test", "Test Act", {TYPE: frozenset()},
        "pass", "pass", ALWAYS,
    )  # fmt: skip
    return Registry(0, system_agencies() | agencies, {agreement.id: agreement})


def _parties(registry):
    (agreement,) = registry.agreements.values()
    return agreement.source, agreement.recipient


def _apply(settings, registry, **options):
    return apply(settings, registry, remove_agencies=True, **options)


def _changed(registry, **changes):
    source, _ = _parties(registry)
    agency = replace(registry.agencies[source], **changes)
    return replace(registry, agencies={**registry.agencies, source: agency})


def test_a_second_apply_changes_nothing(settings, registry):
    """The first apply makes topics, credentials (0600), permissions and an edition; the second finds them."""
    source, _ = _parties(registry)
    first = _apply(settings, registry)
    assert first.new_edition
    assert f"topic {topics.outbox(source)} created (2 partitions)" in first.changes
    assert credentials.file_of(settings, source).stat().st_mode & 0o777 == 0o600
    assert clients.answers(settings, source, 10)
    second = _apply(settings, registry)
    assert (second.changed, second.edition, second.plan.changes) == (False, first.edition, ())
    assert plan(read_registry(settings, topics.ADMIN_PRINCIPAL).current, registry).changes == ()


def test_what_others_changed_on_kafka_is_put_back_and_told(settings, registry):
    """Drift of a topic's configuration, of ACLs both ways and of a login is found without a new edition."""
    edition = _apply(settings, registry).edition
    source, recipient = _parties(registry)
    client = admin.client(settings)
    entry = ConfigEntry("retention.ms", "60000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topics.outbox(source), incremental_configs=[entry])
    for future in client.incremental_alter_configs([resource]).values():
        future.result(10)
    stray = acls.Acl(source, "topic", topics.inbox(recipient), "read")
    lost = acls.Acl(source, "topic", topics.inbox(source), "read")
    acls.ensure_acls(settings, acls.agency_acls(source) - {lost} | {stray}, [source])
    password = credentials.password(settings, recipient)
    users.remove_users(settings, [recipient])
    credentials.write_secret(credentials.file_of(settings, recipient), password)
    done = _apply(settings, registry)
    assert (done.new_edition, done.edition) == (False, edition)
    text = "\n".join(done.changes)
    assert (
        f"{topics.outbox(source)}: retention.ms put back to {topics.AGENCY_RETENTION_MS} (was 60000)" in text
    )
    assert f"ACL revoked: {stray}" in text
    assert f"ACL added: {lost}" in text
    assert f"credentials of {recipient} created" in text
    assert clients.answers(settings, recipient, 10)
    assert not _apply(settings, registry).changed


def test_an_apply_that_is_broken_off_anywhere_is_finished_by_the_next(settings, registry):
    """Stopped after its first, second, third … step, nothing is in force; the next apply completes it."""
    before = read_registry(settings, topics.ADMIN_PRINCIPAL).current
    steps = 0
    while steps < 20:
        heard = []

        def stop_after(sentence, heard=heard, limit=steps):
            heard.append(sentence)
            if len(heard) > limit:
                raise KeyboardInterrupt

        try:
            _apply(settings, registry, say=stop_after)
        except KeyboardInterrupt:
            now = read_registry(settings, topics.ADMIN_PRINCIPAL).current
            assert (now and now.version) == (before and before.version) or now.agreements == {
                id_: replace(each, version=now.agreements[id_].version)
                for id_, each in registry.agreements.items()
            }
            steps += 1
            continue
        break
    assert steps
    assert plan(read_registry(settings, topics.ADMIN_PRINCIPAL).current, registry).changes == ()
    assert not _apply(settings, registry).changed


def test_an_agency_is_removed_only_when_that_is_said_and_its_events_stay(settings, registry):
    """Removal ends the login and every permission; the topics and what they hold stay."""
    _apply(settings, registry)
    source, recipient = _parties(registry)
    producer = Producer(clients.writer(settings, source))
    producer.produce(topics.outbox(source), b"kept", partition=0)
    assert producer.flush(10) == 0
    without = Registry(0, {c: a for c, a in registry.agencies.items() if c != source}, {})
    with pytest.raises(ConfigError, match=f"{source} would be removed.*--remove-agencies"):
        apply(settings, without)
    assert clients.answers(settings, source, 10)
    done = _apply(settings, without)
    assert f"credentials of {source} ended" in done.changes
    assert not credentials.file_of(settings, source).exists()
    found = admin.client(settings).list_topics(timeout=10).topics
    assert topics.outbox(source) in found
    with pytest.raises(ConfigError):
        credentials.password(settings, source)
    assert recipient in read_registry(settings, topics.ADMIN_PRINCIPAL).current.agencies


def test_partitions_are_refused_before_anything_changes(settings, registry):
    """A changed count is one sentence, and the edition in force stays."""
    edition = _apply(settings, registry).edition
    heard = []
    with pytest.raises(ConfigError, match="partitions 2 → 4: never changed in place"):
        _apply(settings, _changed(registry, partitions=4), say=heard.append)
    assert heard == []
    assert read_registry(settings, topics.ADMIN_PRINCIPAL).current.version == edition


def test_quotas_are_set_changed_and_ended(settings, registry):
    """The broker holds each principal's limits as the files say, and no limit where they say none."""
    source, _ = _parties(registry)

    def limits():
        return quotas.limits_in_force(settings).get(source, {})

    _apply(settings, _changed(registry, quota=Quota(2000, 50_000_000, 50)))
    assert limits() == {
        "producer_byte_rate": 2000,
        "consumer_byte_rate": 50_000_000,
        "request_percentage": 50,
    }
    _apply(settings, _changed(registry, quota=Quota(3000)))
    assert limits() == {"producer_byte_rate": 3000}
    _apply(settings, registry)
    assert limits() == {}


def test_a_follower_hears_of_a_new_edition_while_it_works(settings, registry):
    """The gate and the API act on an apply without a restart, by polling between two batches."""
    first = _apply(settings, registry).edition
    with RegistryFollower(settings, topics.GATE_PRINCIPAL) as follower:
        assert follower.current.version == first
        assert not follower.poll()
        second = _apply(settings, _changed(registry, title_en="Renamed")).edition
        admin.settle("the follower hears of it", follower.poll)
        assert follower.current.version == second
        assert follower.reader.edition(first).version == first


def test_two_applies_at_once_follow_one_another(settings, registry):
    """Each gets its own edition number, the later one sees what the earlier one did."""
    wanted = [_changed(registry, title_en=f"Title {index}") for index in range(2)]
    done = []
    threads = [threading.Thread(target=lambda w=w: done.append(_apply(settings, w))) for w in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    first, second = sorted(each.edition for each in done)
    assert second == first + 1


def test_an_apply_waits_for_another_and_then_says_who_holds_it(settings, registry, monkeypatch):
    """A lock that is not given back in time is one sentence that names the process."""
    _apply(settings, registry)
    monkeypatch.setattr(applying, "LOCK_SECONDS", 0.3)
    with (settings.data_dir / applying.LOCK).open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match=r"another `hub apply` \(process \d+\) is at work"):
            _apply(settings, registry)


def test_an_apply_from_another_machine_is_fenced(settings, registry):
    """Where no file lock reaches, the later transaction wins and the earlier publishes nothing."""
    edition = _apply(settings, registry).edition
    reader = read_registry(settings, topics.ADMIN_PRINCIPAL)
    earlier = applying._producer(settings)
    applying._producer(settings)
    stale = number(_changed(registry, title_en="Never published"), reader)
    with pytest.raises(FencedError, match="another `hub apply` took over"):
        applying._publish(earlier, encode_edition(stale, reader.keys))
    assert read_registry(settings, topics.ADMIN_PRINCIPAL).current.version == edition


def test_a_plan_that_changed_since_it_was_confirmed_is_not_applied(settings, registry):
    """A person agreed to one plan; another one is not carried out in its name."""
    shown = plan(read_registry(settings, topics.ADMIN_PRINCIPAL).current, registry)
    _apply(settings, registry)
    with pytest.raises(ConfigError, match="changed since this plan was shown"):
        _apply(settings, _changed(registry, title_en="Other"), confirmed=shown)


def test_a_rotated_password_replaces_the_old_one(settings, registry):
    """The new one logs in, the old one does not any more."""
    _apply(settings, registry)
    source, _ = _parties(registry)
    old = credentials.password(settings, source)
    new = users.rotate(settings, source)
    assert new != old
    assert clients.answers(settings, source, 10)
    credentials.write_secret(credentials.file_of(settings, source), old)
    assert not clients.answers(settings, source, 3)


def test_an_interrupted_rotation_is_finished_by_the_next_apply(settings, registry):
    """A password that was made but never reached Kafka is not lost, and the agency is never locked out."""
    _apply(settings, registry)
    source, _ = _parties(registry)
    credentials.write_secret(users._draft(settings, source), "made-but-not-yet-set")
    assert clients.answers(settings, source, 10)
    done = _apply(settings, registry)
    assert [sentence for sentence in done.changes if source in sentence] == [
        f"credentials of {source} renewed (finishing an interrupted rotation)"
    ]
    assert credentials.password(settings, source) == "made-but-not-yet-set"
    assert clients.answers(settings, source, 10)
