"""One record of a Kafka log, as pure rooms read it."""

from __future__ import annotations

from typing import NamedTuple

from hub.contracts.envelope import Headers


class Record(NamedTuple):
    """A Kafka record; `timestamp` is the broker's append time in milliseconds since 1970.

    `readable` is false where a header's name is no UTF-8: then no header could be read, and `headers` is
    empty.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    readable: bool = True

    @property
    def origin(self) -> str:
        """The record's place, `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def size(self) -> int:
        """Bytes of key, value and headers (names and values), uncompressed."""
        size = len(self.key or b"") + len(self.value or b"")
        for name, value in self.headers:
            size += len(name) + len(value or b"")
        return size
