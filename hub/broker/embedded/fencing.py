"""Whether the controller's log on disk says that the broker is gone: what it has decided."""

from __future__ import annotations

import re
from pathlib import Path

# BrokerRegistrationChangeRecord (17) of broker 1 with its epoch; `fenced` is 1 for yes, -1 for no.
_CHANGE = re.compile(rb"\x01\x11[\x00-\x7f]\x00\x00\x00\x01.{8}\x01\x00\x01(\x01|\xff)", re.DOTALL)


def is_fenced(data: Path) -> bool:
    """Return whether the last word about broker 1 below Kafka's data folder is that it is fenced.

    False where nothing is said: the broker was never there, or the log has been cut since.
    """
    last = b""
    for segment in sorted((data / "__cluster_metadata-0").glob("*.log")):
        for change in _CHANGE.finditer(segment.read_bytes()):
            last = change[1]
    return last == b"\x01"
