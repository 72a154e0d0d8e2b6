"""Writing editions of figures to `hub.indicators`: compacted, keyed by figure and edition."""

from __future__ import annotations

import json
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.broker import clients
from hub.broker.failures import AWAY
from hub.contracts.topics import INDICATORS, INDICATORS_PRINCIPAL
from hub.errors import BrokerError, BrokerUnavailableError
from hub.indicators.model import Edition
from hub.settings import Settings

_PATIENCE_SECONDS = 30.0


class FigureTopic:
    """A writer of editions. Not for two threads at once."""

    def __init__(self, settings: Settings) -> None:
        config = clients.writer(settings, INDICATORS_PRINCIPAL) | {
            "delivery.timeout.ms": round(_PATIENCE_SECONDS * 1000)
        }
        self._producer = Producer(config, logger=None)
        self._errors: list[KafkaError] = []

    def publish(self, editions: Sequence[Edition]) -> None:
        """Write editions and return once the broker has all of them for certain.

        Written again, an edition has the same key and the same document. Raises BrokerUnavailableError when
        Kafka does not answer (some may be written: call it again), BrokerError when it refuses.
        """
        self._errors.clear()
        for each in editions:
            self._produce(each)
        left = self._producer.flush(_PATIENCE_SECONDS + 5)
        if self._errors:
            raise _failed(self._errors[0])
        if left:
            raise BrokerUnavailableError(f"{INDICATORS} could not be written: nothing answers.")

    def _produce(self, edition: Edition) -> None:
        document = json.dumps(edition.document(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        while True:
            try:
                self._producer.produce(
                    INDICATORS, document.encode(), edition.key.encode(), on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise _failed(error.args[0]) from None
            else:
                self._producer.poll(0)
                return

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._errors.append(error)


def _failed(error: KafkaError) -> BrokerError:
    what = f"{INDICATORS} cannot be written: {error.str()}."
    timed_out = error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT)  # noqa: SLF001 - librdkafka's names
    if error.retriable() or timed_out or error.code() in AWAY:
        return BrokerUnavailableError(what)
    return BrokerError(what)
