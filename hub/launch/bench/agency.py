"""An agency's process in the benchmark of the SDK: `python -m hub.launch.bench.agency ROLE COUNT`.

Its login comes from the `PEYVAND_…` variables, as an agency's does. It makes its events, says `ready`, works,
and stays until SIGTERM: what it did is measured from outside. A failure ends it with 1 and a line.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Mapping
from itertools import islice

from kafka import KafkaProducer

from connectors.sdk import Config, Publisher, Subscriber
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import HubError
from hub.launch.bench import world

LINGER_MS = 5
BATCH_BYTES = 128 * 1024
_COMMITS = 40
_WAIT_SECONDS = 60.0


def publish(config: Config, count: int) -> None:
    """Publish events with the SDK, as an agency does in bulk: it returns when all are confirmed."""
    prepared = list(islice(world.events(0), count))
    with Publisher(config, linger_ms=LINGER_MS) as publisher:
        _ready()
        publisher.publish_all(prepared)


def bare(config: Config, count: int) -> None:
    """Send finished records with kafka-python alone and look at every future."""
    topic = topics.outbox(config.agency)
    prepared = list(world.records(Codec(Contracts.load()), 0, count))
    producer = KafkaProducer(
        **config.client(),
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=LINGER_MS,
        batch_size=BATCH_BYTES,
    )
    _ready()
    sent = [producer.send(topic, record.value, record.key, record.headers) for record in prepared]
    producer.flush()
    for future in sent:
        future.get(0)
    producer.close()


def receive(config: Config, count: int) -> None:
    """Receive and acknowledge deliveries with the SDK: envelope, decoded value, numbers without a gap."""
    often = max(50, count // _COMMITS)
    with Subscriber(config) as subscriber:
        _ready()
        for number in range(1, count + 1):
            delivery = subscriber.next(_WAIT_SECONDS)
            if delivery is None:
                raise HubError(f"delivery {number} of {count} did not come within {_WAIT_SECONDS:.0f} s.")
            subscriber.ack(delivery)
            if number % often == 0:
                subscriber.commit()


ROLES: Mapping[str, Callable[[Config, int], None]] = {"publish": publish, "bare": bare, "receive": receive}


def _ready() -> None:
    # What was prepared is the benchmark's, and no work for anybody's garbage collection.
    gc.collect()
    gc.freeze()
    print("ready", flush=True)


def main(arguments: list[str]) -> None:
    """Do a role's work, then wait to be ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        ROLES[arguments[0]](Config.from_env(), int(arguments[1]))
    except HubError as error:
        sys.exit(str(error))
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main(sys.argv[1:])
