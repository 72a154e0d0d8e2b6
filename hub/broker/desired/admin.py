"""Kafka administration: one client, its errors in the hub's words, and topics as a desired state.

`acls`, `users` and `quotas` beside it do the same for their things. Each `ensure_…` compares what is with
what should be, changes only the difference, and returns one sentence for each change it made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from hub.broker import clients
from hub.contracts import topics
from hub.contracts.topics import TopicSpec
from hub.errors import BrokerError, BrokerUnavailableError
from hub.settings import Settings

REQUEST_SECONDS = 30.0
_DESCRIBED_AT_ONCE = 200
_UNREACHABLE = frozenset(
    {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT}  # noqa: SLF001
)

Result = TypeVar("Result")


def client(settings: Settings) -> AdminClient:
    """Return an administration client of the principal hub.admin (or of HUB_KAFKA__USERNAME)."""
    return AdminClient(
        clients.base(settings, topics.ADMIN_PRINCIPAL) | {"retry.backoff.ms": 50, "log_level": 4}
    )


def call(what: str, function: Callable[[], Result]) -> Result:
    """Return the function's result; a Kafka error becomes a BrokerError that names `what` was to be done."""
    try:
        return function()
    except KafkaException as error:
        raise broker_error(what, error.args[0]) from None


def broker_error(what: str, error: KafkaError) -> BrokerError:
    """Return the hub's error for a Kafka error."""
    if error.retriable() or error.code() in _UNREACHABLE:
        return BrokerUnavailableError(
            f"{what}: Kafka did not answer ({error.name()}).",
            do="Is it running and reachable (`hub up`, HUB_KAFKA__BOOTSTRAP)? Then try again.",
        )
    return BrokerError(f"{what}: Kafka refused: {error.str()} ({error.name()}).")


def outcome(what: str, future: Future[Any]) -> Any:
    """Wait for one answer of the administration client."""
    return call(what, future.result)


def settle(what: str, done: Callable[[], bool]) -> None:
    """Wait until a change shows: a broker answers from its own copy of what the controller has decided."""
    deadline = time.monotonic() + REQUEST_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise BrokerUnavailableError(f"Kafka did not show within {REQUEST_SECONDS:.0f} s that {what}.")
        time.sleep(0.02)


def ensure_topics(settings: Settings, specs: Sequence[TopicSpec]) -> list[str]:
    """Create missing topics and put back configurations that differ; return a sentence for each change.

    Never deletes a topic and never changes a partition count: a topic with another count is a BrokerError.
    """
    admin = client(settings)
    partitions = _partitions(admin)
    wrong = [spec for spec in specs if partitions.get(spec.name, spec.partitions) != spec.partitions]
    if wrong:
        found = ", ".join(f"{spec.name} has {partitions[spec.name]}, not {spec.partitions}" for spec in wrong)
        raise BrokerError(
            f"partition counts differ: {found}.",
            do="A count is never changed in place: keys would move, and the order of a case with them.",
        )
    missing = [spec for spec in specs if spec.name not in partitions]
    there = [spec for spec in specs if spec.name in partitions]
    return _create(admin, missing, settings.kafka.replication) + _put_back(admin, there)


def _partitions(admin: AdminClient) -> dict[str, int]:
    metadata = call("listing topics", lambda: admin.list_topics(timeout=REQUEST_SECONDS))
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def _create(admin: AdminClient, specs: Sequence[TopicSpec], replication: int) -> list[str]:
    if not specs:
        return []
    wanted = [
        NewTopic(
            spec.name, num_partitions=spec.partitions, replication_factor=replication, config=spec.config
        )
        for spec in specs
    ]
    answers = admin.create_topics(
        wanted, operation_timeout=REQUEST_SECONDS, request_timeout=2 * REQUEST_SECONDS
    )
    for name, future in answers.items():
        try:
            future.result()
        except KafkaException as error:
            # Another apply was quicker; what it made is compared by the next one.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise broker_error(f"creating the topic {name}", error.args[0]) from None
    names = {spec.name for spec in specs}
    settle(f"{len(names)} new topics appear", lambda: names <= _partitions(admin).keys())
    return [f"topic {spec.name} created ({spec.partitions} partitions)" for spec in specs]


def _put_back(admin: AdminClient, specs: Sequence[TopicSpec]) -> list[str]:
    actual = _configs(admin, [spec.name for spec in specs])
    changes, resources = [], []
    for spec in specs:
        wrong = {name: value for name, value in spec.config.items() if actual[spec.name].get(name) != value}
        if wrong:
            resources.append(_alteration(spec.name, wrong))
            changes += [
                f"topic {spec.name}: {name} put back to {value} (was {actual[spec.name].get(name)})"
                for name, value in sorted(wrong.items())
            ]
    if resources:
        for resource, future in admin.incremental_alter_configs(resources).items():
            outcome(f"configuring the topic {resource.name}", future)
    return changes


def _configs(admin: AdminClient, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for start in range(0, len(names), _DESCRIBED_AT_ONCE):
        chunk = names[start : start + _DESCRIBED_AT_ONCE]
        answers = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in chunk])
        for resource, future in answers.items():
            entries = outcome(f"reading the configuration of {resource.name}", future)
            found[resource.name] = {name: entry.value for name, entry in entries.items()}
    return found


def _alteration(topic: str, values: Mapping[str, str]) -> ConfigResource:
    entries: Iterable[ConfigEntry] = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in values.items()
    ]
    return ConfigResource(ResourceType.TOPIC, topic, incremental_configs=list(entries))
