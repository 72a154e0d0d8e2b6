"""The codec: framed values ↔ data, by the locked contracts; strict, quick, free of loss.

Decoded data are raw (see `hub.contracts.values`), so that decoding, masking and encoding again changes nothing but
what was masked. No bytes make it raise anything but ContractError, and no message repeats a value.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from hub.contracts import avro, frame, strict, values, walk
from hub.contracts.names import EventType, SchemaId
from hub.contracts.schemas import Contract, Contracts
from hub.errors import ContractError


class Codec:
    """Encodes and decodes by a set of contracts; safe to share between threads."""

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts
        self._tools: dict[SchemaId, _Tools] = {}

    def decode(self, value: bytes | None) -> tuple[Contract, dict[str, Any]]:
        """Return the contract of a framed value and its raw data.

        Raises ContractError: no frame, unknown schema id, or bytes that are not exactly one value of the schema.
        """
        contract = self.contracts.by_id(frame.schema_id(value))
        return contract, self.decode_body(contract, value or b"")

    def decode_body(self, contract: Contract, value: bytes) -> dict[str, Any]:
        """Return the raw data of a framed value whose contract is known already; raise ContractError."""
        return self._of(contract).decode(value)

    def encode(self, event_type: EventType, data: dict[str, Any], version: int | None = None) -> bytes:
        """Return the framed value of `data` by the newest contract of an event type, or by the version asked for.

        Data may be raw or Python types (`datetime`, `date`, `Decimal` …); a missing field takes its default.
        Raises ContractError naming the field that is missing, unknown or does not fit.
        """
        versions = self.contracts.versions(event_type)
        if version is None:
            return self.encode_as(versions[-1], data)
        if not 1 <= version <= len(versions):
            raise ContractError(f"{event_type} has the versions 1 to {len(versions)}, not {version}.")
        return self.encode_as(versions[version - 1], data)

    def encode_as(self, contract: Contract, data: dict[str, Any]) -> bytes:
        """Return the framed value of `data` by one contract; otherwise as `encode`."""
        tools = self._of(contract)
        return tools.write(tools.to_raw(data))

    def encode_raw(self, contract: Contract, data: dict[str, Any]) -> bytes:
        """Return the framed value of data that `decode` gave, some fields perhaps set to their defaults: no checks.

        For the gate's masks, where data are known to fit; other data want `encode_as`. Raises ContractError.
        """
        tools = self._of(contract)
        try:
            return tools.write(data)
        except Exception:  # noqa: BLE001 - fastavro raises whatever a value makes it raise
            return tools.write(tools.to_raw(data))

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
        self._raw = contract.raw
        self._head = frame.join(contract.id, b"")
        self._check = strict.compile_check(schema)
        # Only logical types are narrower than what Avro's bytes can hold.
        self._ranges = tuple(
            (field["name"], convert)
            for field, convert in walk.compile_fields(schema, values.TO_RAW)
            if avro.has_logical_type(field["type"], avro.named_types(schema))
        )
        self._to_raw = walk.compile_walk(schema, values.TO_RAW, fill_defaults=True)
        self._to_python = walk.compile_walk(schema, values.TO_PYTHON, fill_defaults=False)

    def decode(self, value: bytes) -> dict[str, Any]:
        buffer = BytesIO(value)
        buffer.seek(frame.HEAD_BYTES)
        try:
            data: dict[str, Any] = schemaless_reader(buffer, self._raw, None)
            same = self.write(data)[frame.HEAD_BYTES :] == value[frame.HEAD_BYTES :]
        except Exception:  # noqa: BLE001 - fastavro raises whatever the bytes make it raise
            self._judge(value)
            raise ContractError("the bytes cannot be read.", where=self._subject) from None
        if not same:
            self._judge(value)
        self._check_ranges(data)
        return data

    def write(self, data: dict[str, Any]) -> bytes:
        buffer = BytesIO()
        buffer.write(self._head)
        schemaless_writer(buffer, self._raw, data)
        return buffer.getvalue()

    def to_raw(self, data: dict[str, Any]) -> dict[str, Any]:
        return self._converted(self._to_raw, data)

    def to_python(self, data: dict[str, Any]) -> dict[str, Any]:
        return self._converted(self._to_python, data)

    def _converted(self, convert: walk.Convert, data: dict[str, Any]) -> dict[str, Any]:
        try:
            out: dict[str, Any] = convert(data)
        except walk.Misfit as misfit:
            raise misfit.as_error(self._subject) from None
        return out

    def _check_ranges(self, data: dict[str, Any]) -> None:
        for name, check in self._ranges:
            if data[name] is not None:
                try:
                    check(data[name])
                except walk.Misfit as misfit:
                    raise misfit.within(name).as_error(self._subject) from None

    def _judge(self, value: bytes) -> None:
        """Raise ContractError saying where the bytes leave the schema, if they do."""
        try:
            end = self._check(value, frame.HEAD_BYTES)
        except walk.Misfit as misfit:
            raise misfit.as_error(self._subject) from None
        if end != len(value):
            raise ContractError(f"{len(value) - end} bytes follow after the value.", where=self._subject)
