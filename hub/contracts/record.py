"""One record of a Kafka log, as pure rooms read it."""

from __future__ import annotations

from typing import Any

from hub.contracts.envelope import Headers


class Record:
    """A Kafka record; `timestamp` is the broker's append time in milliseconds since 1970.

    `readable` is false where a header's name is no UTF-8: then no header could be read, and `headers` is
    empty. A plain class, as are all values of the hot path (see `hub.gate.verdict`); records do not change.
    """

    __slots__ = ("_size", "headers", "key", "offset", "partition", "readable", "timestamp", "topic", "value")

    def __init__(  # noqa: PLR0917 - by name where it is not the hot path
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        readable: bool = True,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
        self.readable = readable
        self._size = -1

    @property
    def origin(self) -> str:
        """The record's place, `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def size(self) -> int:
        """Bytes of key, value and headers (names and values), uncompressed."""
        if self._size < 0:
            size = len(self.key or b"") + len(self.value or b"")
            for name, value in self.headers:
                size += len(name) + len(value or b"")
            self._size = size
        return self._size

    def replace(self, **parts: Any) -> Record:
        """Return a record like this one, with other parts."""
        return Record(**(self._parts() | parts))

    def _parts(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": self.timestamp,
            "key": self.key,
            "value": self.value,
            "headers": self.headers,
            "readable": self.readable,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((self.topic, self.partition, self.offset, self.value))

    def __repr__(self) -> str:
        return f"Record({', '.join(f'{name}={part!r}' for name, part in self._parts().items())})"
