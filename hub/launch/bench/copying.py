"""What runs beside the projector: a loop that copies the inbox's records into a table, as they are.

`python -m hub.launch.bench.copying`. It commits to a group of its own after each batch, until asked to stop.
"""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, TopicPartition

from hub.broker import clients
from hub.contracts import topics
from hub.host import process
from hub.host.process import Stop
from hub.settings import Settings
from hub.store.engine import engine
from hub.store.writing import copy

GROUP = "bench.copying"
TABLE = "bench_copied"
MAKE = f"""
    DROP TABLE IF EXISTS {TABLE};
    CREATE TABLE {TABLE}
        (partition int, "offset" bigint, appended_ms bigint, key bytea, value bytea,
         PRIMARY KEY (partition, "offset"))
"""
INBOX = topics.inbox(topics.WINDOW)
_COLUMNS = ("partition", "offset", "appended_ms", "key", "value")
_BATCH = 5000
_WAIT_SECONDS = 0.1


def main(settings: Settings, stop: Stop) -> None:
    """Copy records until asked to stop."""
    database = engine(settings, pool_size=1)
    consumer = Consumer(clients.reader(settings, topics.ADMIN_PRINCIPAL, GROUP), logger=None)
    consumer.subscribe([INBOX], on_assign=lambda *_: process.ready())
    try:
        while not stop:
            rows, places = [], {}
            for message in consumer.consume(_BATCH, _WAIT_SECONDS):
                if (error := message.error()) is not None:
                    raise KafkaException(error)
                number, offset = message.partition() or 0, message.offset() or 0
                places[number] = offset + 1
                rows.append((number, offset, message.timestamp()[1], message.key(), message.value()))
            if rows:
                with database.begin() as connection:
                    copy(connection, TABLE, _COLUMNS, rows)
                offsets = [TopicPartition(INBOX, number, next_) for number, next_ in places.items()]
                consumer.commit(offsets=offsets, asynchronous=False)
    finally:
        consumer.close()
        database.dispose()


if __name__ == "__main__":
    process.run("copying", main)
