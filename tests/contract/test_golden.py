"""Every contract version keeps its bytes: golden bytes ↔ golden JSON, both ways and by a second library.

A new schema has no golden files yet: `HUB_MAKE_GOLDEN=1 python -m pytest tests/contract/test_golden.py`
makes the missing ones (it never overwrites one); look at them and commit them.
"""

from __future__ import annotations

import hashlib
import json
import os
from io import BytesIO
from pathlib import Path

import fastavro
import pytest

from hub.contracts import avro, frame
from hub.contracts.codec import Codec
from hub.contracts.jsonform import from_json, to_json
from hub.contracts.schemas import Contract, Contracts

GOLDEN = Path(__file__).parent / "golden"
CONTRACTS = Contracts.load(Path(__file__).resolve().parents[2] / "schemas")
CODEC = Codec(CONTRACTS)
MAKE = "HUB_MAKE_GOLDEN=1 python -m pytest tests/contract/test_golden.py"

every_contract = pytest.mark.parametrize(
    "contract", list(CONTRACTS), ids=[f"{contract.event_type}@{contract.version}" for contract in CONTRACTS]
)


def paths(contract: Contract) -> tuple[Path, Path]:
    """Return where a contract's golden JSON and golden bytes are."""
    stem = f"{contract.event_type}@{contract.version}"
    return GOLDEN / f"{stem}.json", GOLDEN / f"{stem}.bin"


def golden(contract: Contract) -> tuple[dict, bytes]:
    """Return a contract's golden JSON and bytes, or fail with the command that makes them."""
    document, value = paths(contract)
    if os.environ.get("HUB_MAKE_GOLDEN") and not document.exists() and not value.exists():
        make(contract)
    if not document.exists() or not value.exists():
        pytest.fail(f"{contract.event_type} version {contract.version} has no golden files; run: {MAKE}")
    return json.loads(document.read_text(encoding="utf-8")), value.read_bytes()


def make(contract: Contract) -> None:
    """Write the golden files of one contract: a document with every field filled, and its bytes."""
    document, value = paths(contract)
    names = avro.named_types(contract.schema)
    example = {
        field["name"]: filled(field["type"], field["name"], names) for field in contract.schema["fields"]
    }
    document.write_text(json.dumps(example, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    value.write_bytes(CODEC.encode_as(contract, from_json(contract, example)))


def filled(schema, name, names):  # noqa: C901, PLR0911 - one return a kind
    """Return a JSON value of a type that depends on nothing but the field's name."""
    schema = avro.resolve(schema, names)
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big")
    match avro.kind(schema), avro.logical(schema):
        case "union", _:
            return filled(next(branch for branch in schema if branch != "null"), name, names)
        case "record", _:
            return {field["name"]: filled(field["type"], field["name"], names) for field in schema["fields"]}
        case "array", _:
            return [filled(schema["items"], f"{name}-{place}", names) for place in (1, 2)]
        case "enum", _:
            return schema["symbols"][number % len(schema["symbols"])]
        case _, "timestamp-millis":
            return f"2026-03-{number % 28 + 1:02}T08:30:00.{number % 1000:03}Z"
        case _, "date":
            return f"2026-03-{number % 28 + 1:02}"
        case _, "decimal":
            return f"{number}.{number % 100000:05}"
        case "boolean", _:
            return number % 2 == 0
        case (("int" | "long"), _):
            return number
        case "string", _:
            return f"نمونه {name}" if name.endswith("_fa") else f"example {name}"
    message = f"say here how a golden {schema!r} looks"
    raise NotImplementedError(message)


@every_contract
def test_golden_bytes_decode_to_the_golden_json(contract):
    """What was once written is read as it was meant."""
    document, value = golden(contract)
    found, data = CODEC.decode(value)
    assert found == contract
    assert to_json(contract, data) == document


@every_contract
def test_golden_json_encodes_to_the_golden_bytes(contract):
    """What is written today is what was written then."""
    document, value = golden(contract)
    assert CODEC.encode_as(contract, from_json(contract, document)) == value


@every_contract
def test_a_plain_avro_reader_with_the_schema_file_reads_the_golden_bytes(contract):
    """An agency needs nothing of ours: frame off, schema in, data out."""
    _, value = golden(contract)
    data = fastavro.schemaless_reader(BytesIO(value[frame.HEAD_BYTES :]), contract.parsed, None)
    assert data == CODEC.to_python(contract, CODEC.decode(value)[1])


def test_there_is_no_golden_file_without_its_contract():
    """A contract is never removed: events of it exist."""
    known = {path for contract in CONTRACTS for path in paths(contract)}
    assert {path for path in GOLDEN.iterdir() if not path.name.startswith(".")} == known
