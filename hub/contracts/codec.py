"""The codec: framed values ↔ data, by the locked contracts; strict, quick, free of loss.

Decoded data are raw (see `hub.contracts.values`), so that decoding, masking and encoding again changes
nothing but what was masked. No bytes make it raise anything but ContractError, and no message repeats a
value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from hub.contracts import encoder, frame, reader, scanner, values, walk, writer
from hub.contracts.names import EventType, SchemaId
from hub.contracts.scanner import Mask, Spans
from hub.contracts.schemas import Contract, Contracts
from hub.errors import ContractError


class Codec:
    """Encodes and decodes by a set of contracts; safe to share between threads."""

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts
        self._tools: dict[SchemaId, _Tools] = {}

    def decode(self, value: bytes | None) -> tuple[Contract, dict[str, Any]]:
        """Return the contract of a framed value and its raw data.

        Raises ContractError: no frame, unknown schema id, or bytes that are not one value of the schema.
        """
        contract = self.contracts.by_id(frame.schema_id(value))
        return contract, self.decode_body(contract, value or b"")

    def decode_body(self, contract: Contract, value: bytes) -> dict[str, Any]:
        """Return the raw data of a framed value whose contract is known already; raise ContractError."""
        return self._of(contract).decode(value)

    def spans(self, contract: Contract, value: bytes) -> Spans | None:
        """Return where a framed value's fields begin; None where `decode_body` has to tell what it is.

        So it is with bytes that are no value of the schema, and with forms that our own writer does not give.
        """
        return self._of(contract).spans(value)

    def mask(self, contract: Contract, defaults: Mapping[str, object]) -> Mask:
        """Return the mask that puts these raw defaults into a contract's values."""
        return scanner.compile_mask(contract.schema, defaults)

    def masked(self, contract: Contract, value: bytes, spans: Spans, mask: Mask) -> bytes:
        """Return a framed value with a mask of its contract applied."""
        return self._of(contract).masked(value, spans, mask)

    def encode(self, event_type: EventType, data: Mapping[str, Any], version: int | None = None) -> bytes:
        """Return the framed value of `data` by the newest contract of a type, or by the version asked for.

        Data may be raw or Python types (`datetime`, `date`, `Decimal` …); a missing field takes its
        default. Raises ContractError naming the field that is missing, unknown or does not fit.
        """
        versions = self.contracts.versions(event_type)
        if version is None:
            return self.encode_as(versions[-1], data)
        if not 1 <= version <= len(versions):
            raise ContractError(f"{event_type} has the versions 1 to {len(versions)}, not {version}.")
        return self.encode_as(versions[version - 1], data)

    def encode_as(self, contract: Contract, data: Mapping[str, Any]) -> bytes:
        """Return the framed value of `data` by one contract; otherwise as `encode`."""
        return self._of(contract).encode(data)

    def encode_raw(self, contract: Contract, data: dict[str, Any]) -> bytes:
        """Return the framed value of data that `decode` gave, some fields perhaps set to defaults: no checks.

        For the gate's masks, where data are known to fit; any other data want `encode_as`.
        """
        return self._of(contract).write(data)

    def to_python(self, contract: Contract, data: dict[str, Any]) -> dict[str, Any]:
        """Return raw data as Python types: aware `datetime`, `date`, `time`, `Decimal`, `UUID`."""
        return self._of(contract).to_python(data)

    def _of(self, contract: Contract) -> _Tools:
        tools = self._tools.get(contract.id)
        if tools is None:
            tools = self._tools[contract.id] = _Tools(contract)
        return tools


class _Tools:
    """What one contract needs at work, made once."""

    def __init__(self, contract: Contract) -> None:
        schema = contract.schema
        self._subject = str(contract.event_type)
        self._head = frame.join(contract.id, b"")
        self._read = reader.compile_reader(schema)
        self._scanner = scanner.Scanner(schema)
        self._write = writer.compile_writer(schema)
        self._encode = encoder.compile_encoder(schema)
        self._to_python = walk.compile_walk(schema, values.TO_PYTHON, fill_defaults=False)

    def decode(self, value: bytes) -> dict[str, Any]:
        try:
            data, end = self._read(value, frame.HEAD_BYTES)
        except walk.Misfit as misfit:
            raise misfit.as_error(self._subject) from None
        if end != len(value):
            raise ContractError(f"{len(value) - end} bytes follow after the value.", where=self._subject)
        return cast("dict[str, Any]", data)

    def spans(self, value: bytes) -> Spans | None:
        try:
            spans = self._scanner.scan(value, frame.HEAD_BYTES)
        except scanner.NOT_SCANNED:
            return None
        return spans if spans[-1] == len(value) else None

    def masked(self, value: bytes, spans: Spans, mask: Mask) -> bytes:
        return mask.apply(self._head, value, spans)

    def write(self, data: dict[str, Any]) -> bytes:
        out = bytearray(self._head)
        self._write(out, data)
        return bytes(out)

    def encode(self, data: Mapping[str, Any]) -> bytes:
        out = bytearray(self._head)
        try:
            self._encode(out, data)
        except walk.Misfit as misfit:
            raise misfit.as_error(self._subject) from None
        return bytes(out)

    def to_python(self, data: dict[str, Any]) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", self._to_python(data))
        except walk.Misfit as misfit:
            raise misfit.as_error(self._subject) from None
