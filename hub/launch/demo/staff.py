"""Whether a staff id occurs where none may be: every id of the four logs, in value, headers and key."""

from __future__ import annotations

import re

from confluent_kafka import Message

from hub.contracts.codec import Codec
from hub.launch.demo import logs, plan, tables

_FIELDS = ("org:resource", "monitoringResource", "Responsible_actor", "responsible")
_SHORT = 3


def ids() -> frozenset[str]:
    """Return every staff id of the four logs."""
    found: set[str] = set()
    for agency in plan.ISLANDS:
        log = tables.read_log(plan.data_folder() / f"{agency}.json.gz")
        for table in (log.cases, log.events):
            for name in _FIELDS:
                found.update(str(cell) for cell in table.columns.get(name, ()) if cell is not None)
    return frozenset(found)


class Watch:
    """Looks at deliveries one by one and keeps what it saw.

    An id of one or two characters (the source has one: `6`) stands in every time and number, so its bytes
    prove nothing: it is looked for as the whole value of a field.
    """

    def __init__(self, codec: Codec) -> None:
        every = ids()
        self.seen: list[str] = []
        self._codec = codec
        self._short = {name for name in every if len(name) < _SHORT}
        # A short id as the whole of a text stands behind its length, as Avro writes it.
        self._short_texts = [bytes([2 * len(name)]) + name.encode() for name in self._short]
        digits = [name.encode() for name in every - self._short if name.isdigit()]
        self._numbers = frozenset(digits)
        self._run = re.compile(rb"\d{%d,}" % min(map(len, digits), default=_SHORT))
        # A few stems are quicker to look for than all their numbered forms.
        self._words: dict[bytes, list[bytes]] = {}
        for name in sorted(every - self._short):
            if not name.isdigit():
                self._words.setdefault(name.rstrip("0123456789").encode(), []).append(name.encode())

    def look(self, record: Message) -> None:
        """Look at one delivery."""
        value = record.value() or b""
        parts = [logs.key_of(record), value]
        for name, content in logs.headers_of(record).items():
            parts += [name.encode(), content]
        blob = b"\n".join(parts)
        stems = [words for stem, words in self._words.items() if stem in blob]
        found = [word for words in stems for word in words if word in blob]
        for run in self._run.findall(blob):
            found += [number for number in self._numbers if number in run]
        if any(each in value for each in self._short_texts):
            _, data = self._codec.decode(value)
            found += [name.encode() for name in self._short if name in data.values()]
        self.seen += [name.decode() for name in found]
