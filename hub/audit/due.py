"""What an outbox record deserves, judged by the wire contract alone."""

from __future__ import annotations

from hub.contracts.codec import Codec


class Judge:
    """What does not change while the audit runs: codec, the pseudonyms' master secret, the largest event.

    Raises ValueError if the secret has fewer than 16 bytes.
    """

    def __init__(self, codec: Codec, secret: bytes, event_bytes: int) -> None: ...
