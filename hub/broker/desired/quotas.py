"""Client quotas of principals, asked for and changed in Kafka's own words.

confluent-kafka has no such call; kafka-python has the two messages but no method for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kafka import KafkaAdminClient, errors
from kafka.protocol.admin import AlterClientQuotasRequest, DescribeClientQuotasRequest

from hub.broker import clients
from hub.broker.desired import admin
from hub.contracts import topics
from hub.errors import BrokerError, BrokerUnavailableError
from hub.registry.model import Quota
from hub.settings import Settings

_USER = "user"
_ANY_NAME = 2
_AWAY = (errors.KafkaTimeoutError, errors.KafkaConnectionError, errors.RetriableError, OSError)

Limits = Mapping[str, float]
"""Kafka's names of a quota's limits, with their values."""


class _Admin(KafkaAdminClient):  # type: ignore[misc]
    def ask(self, request: Any) -> Any:
        return self._manager.run(self._manager.send, request)


def limits(quota: Quota) -> dict[str, float]:
    """Return a quota in Kafka's names; what is not limited is left out."""
    named = {
        "producer_byte_rate": quota.produce_bytes_per_second,
        "consumer_byte_rate": quota.consume_bytes_per_second,
        "request_percentage": quota.request_percentage,
    }
    return {name: float(value) for name, value in named.items() if value is not None}


def ensure_quotas(settings: Settings, desired: Mapping[str, Quota]) -> list[str]:
    """Make the quotas of the given principals as desired; return a sentence for each principal changed.

    Other principals keep theirs. Raises BrokerError if Kafka refuses, BrokerUnavailableError if it is away.
    """
    wanted = {principal: limits(quota) for principal, quota in desired.items()}
    actual = limits_in_force(settings)
    wrong = {each: actual.get(each, {}) for each in wanted if wanted[each] != actual.get(each, {})}
    if wrong:
        _alter(settings, {each: (old, wanted[each]) for each, old in wrong.items()})
        admin.settle("the quotas are in force", lambda: _hold(limits_in_force(settings), wanted, wrong))
    return [f"quota of {each}: {_text(wrong[each])} → {_text(wanted[each])}" for each in sorted(wrong)]


def limits_in_force(settings: Settings) -> dict[str, dict[str, float]]:
    """Return the limits of every principal that has any, by Kafka's names."""
    # Strict: quotas of a principal and a client's name together are nobody's here.
    request = DescribeClientQuotasRequest(components=[(_USER, _ANY_NAME, None)], strict=True)
    answer = _ask(settings, "reading quotas", request)
    _insist("reading quotas", answer)
    return {
        entry.entity[0].entity_name: {each.key: each.value for each in entry.values}
        for entry in answer.entries or ()
    }


def _alter(settings: Settings, changes: Mapping[str, tuple[Limits, Limits]]) -> None:
    """Change all in one request: principal -> (limits now, limits wanted)."""
    entries = [([(_USER, principal)], _operations(old, new)) for principal, (old, new) in changes.items()]
    request = AlterClientQuotasRequest(entries=entries, validate_only=False)
    for entry in _ask(settings, "changing quotas", request).entries:
        _insist(f"changing the quota of {entry.entity[0].entity_name}", entry)


def _operations(old: Limits, new: Limits) -> list[tuple[str, float, bool]]:
    """Return Kafka's (key, value, remove) for each limit that is set or ends."""
    kept = [(name, value, False) for name, value in new.items()]
    return kept + [(name, 0.0, True) for name in sorted(old.keys() - new.keys())]


def _ask(settings: Settings, what: str, request: Any) -> Any:
    try:
        with _Admin(**clients.kafka_python(settings, topics.ADMIN_PRINCIPAL)) as client:
            return client.ask(request)
    except (errors.KafkaError, OSError) as error:
        if isinstance(error, _AWAY):
            raise BrokerUnavailableError(
                f"{what}: Kafka did not answer ({type(error).__name__}).",
                do="Is it running and reachable (`hub up`, HUB_KAFKA__BOOTSTRAP)? Then try again.",
            ) from None
        raise BrokerError(f"{what}: Kafka refused ({type(error).__name__}).") from None


def _insist(what: str, answer: Any) -> None:
    """Raise BrokerError where an answer, or one entry of it, carries an error code."""
    if answer.error_code:
        name = errors.for_code(answer.error_code).__name__
        raise BrokerError(f"{what}: Kafka refused: {answer.error_message or 'without a word'} ({name}).")


def _hold(actual: Mapping[str, Limits], wanted: Mapping[str, Limits], principals: Iterable[str]) -> bool:
    return all(actual.get(each, {}) == wanted[each] for each in principals)


def _text(values: Limits) -> str:
    return ", ".join(f"{name}={int(value)}" for name, value in sorted(values.items())) or "none"
