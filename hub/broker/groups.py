"""What consumer groups have committed: many groups in one call.

Asked with kafka-python: librdkafka 2.16 ends the whole process by an assertion when a broker dies while its
admin client waits for a group's coordinator (its issues 3663 and 4605; met by the kill tests).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from kafka import KafkaAdminClient, TopicPartition, errors

from hub.broker import clients
from hub.errors import BrokerError, BrokerUnavailableError
from hub.settings import Settings

_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_AWAY = (errors.KafkaTimeoutError, errors.KafkaConnectionError, errors.RetriableError, OSError)


class Groups:
    """Asks under one principal; connects at the first question. Not for two threads at once."""

    def __init__(self, settings: Settings, principal: str) -> None:
        self._settings = settings
        self._principal = principal
        self._admin: KafkaAdminClient | None = None

    def committed(self, places_of: Mapping[str, Iterable[tuple[str, int]]]) -> dict[tuple[str, int], int]:
        """Return next offsets by topic and partition, for each group those of its own partitions.

        A partition that its group never committed has no entry. Offsets of open transactions are not seen.
        Raises BrokerUnavailableError (retriable) where Kafka is away, BrokerError where it refuses.
        """
        asked = {group: [TopicPartition(*place) for place in places] for group, places in places_of.items()}
        if not asked:
            return {}
        found = self._asked(asked)
        return {
            (place.topic, place.partition): each.offset
            for group in found.values()
            for place, each in group.items()
            if each.offset >= 0
        }

    def _asked(self, asked: dict[str, list[TopicPartition]]) -> dict[str, dict[TopicPartition, Any]]:
        """Ask until there is an answer; a coordinator may be on its way."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self._connected().list_group_offsets(asked)  # type: ignore[no-any-return]
            except (errors.KafkaError, OSError) as error:
                self.close()
                if not isinstance(error, _AWAY) or time.monotonic() > deadline:
                    raise _failed(error) from None
                time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Leave the broker; the next question connects again."""
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()

    def _connected(self) -> KafkaAdminClient:
        if self._admin is None:
            self._admin = KafkaAdminClient(**clients.kafka_python(self._settings, self._principal))
        return self._admin


def _failed(error: Exception) -> BrokerError:
    kind = BrokerUnavailableError if isinstance(error, _AWAY) else BrokerError
    return kind(
        f"what groups have committed cannot be read ({type(error).__name__}).",
        do="Is Kafka running, and may this principal describe the groups?",
    )
