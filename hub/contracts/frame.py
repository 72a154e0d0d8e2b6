"""The Confluent frame: `0x00`, a 4-byte big-endian schema id, then the Avro bytes."""

from __future__ import annotations

import struct

from hub.contracts.names import SchemaId
from hub.errors import ContractError

_HEAD = struct.Struct(">bI")
HEAD_BYTES = _HEAD.size


def join(schema: SchemaId, avro: bytes) -> bytes:
    """Return the framed value."""
    return _HEAD.pack(0, schema) + avro


def schema_id(value: bytes | None) -> SchemaId:
    """Return the schema id of a framed value; its Avro bytes start at `HEAD_BYTES`.

    Raises ContractError when the value is null, shorter than a frame or does not start with 0x00.
    """
    if value is None:
        raise ContractError("the value is null; an event carries a framed Avro value.")
    if len(value) < HEAD_BYTES:
        raise ContractError(f"the value has {len(value)} bytes; a frame has at least {HEAD_BYTES}.")
    magic, number = _HEAD.unpack_from(value)
    if magic != 0:
        raise ContractError(f"the value starts with byte 0x{magic & 0xFF:02x}; a frame starts with 0x00.")
    return SchemaId(number)
