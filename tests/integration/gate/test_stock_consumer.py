"""An agency needs nothing of ours to read its inbox: a stock client and the schema files are enough."""

from __future__ import annotations

import json
import struct
from io import BytesIO

from confluent_kafka import Consumer
from fastavro import parse_schema, schemaless_reader

from hub import resources
from hub.broker import credentials


def _schema_files():
    """Return the subject of each id in the lock, and the schema of each subject, from the files alone."""
    folder = resources.folder("schemas")
    lock = json.loads((folder / "lock.json").read_text(encoding="utf-8"))
    subjects = {entry["id"]: entry["subject"] for entry in lock["schemas"]}
    schemas = {
        f"{path.parent.name}.{path.name.removesuffix('.avsc')}-value": json.loads(path.read_text("utf-8"))
        for path in folder.rglob("*.avsc")
    }
    return subjects, schemas


def test_a_stock_consumer_reads_an_inbox_with_the_schema_files(hub):
    """confluent-kafka as the recipient's principal and fastavro over the .avsc file give the data sent."""
    source, recipient = hub.agency("stock-source"), hub.agency("stock-recipient")
    hub.agree(source, recipient, mask=("handled_by",))
    hub.apply()
    hub.start_gate()
    hub.send(
        source, *hub.event(source, {"service_id": "loan", "handled_by": "staff-7"}, caseid=f"{source}/1")
    )
    hub.flush()

    consumer = Consumer(
        {
            "bootstrap.servers": hub.settings.kafka.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": recipient,
            "sasl.password": credentials.password(hub.settings, recipient),
            "group.id": f"agency.{recipient}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([f"agency.{recipient}.inbox"])
    message = consumer.poll(60)
    assert message is not None, hub.log()
    assert message.error() is None
    headers = {name: value.decode() for name, value in message.headers()}
    subjects, schemas = _schema_files()
    magic, number = struct.unpack(">bI", message.value()[:5])
    data = schemaless_reader(BytesIO(message.value()[5:]), parse_schema(schemas[subjects[number]]), None)
    consumer.close()

    assert magic == 0
    assert subjects[number] == f"{headers['ce_type']}-value"
    assert data["service_id"] == "loan"
    assert data["handled_by"] is None
    assert headers["hub-masked"] == "handled_by"
    assert headers["hub-seq"] == "1"
    assert message.key() == f"{source}/1".encode()
