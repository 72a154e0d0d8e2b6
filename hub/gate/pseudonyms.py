"""Keyed pseudonyms: a recipient always sees the same for a person or case, two recipients never.

HMAC-SHA256 under a key of the recipient's own, itself derived from the hub's master secret; 128 bits, written
in the letters a to p, so that no number that was to be withheld can occur in it by chance.
"""

from __future__ import annotations

import hmac

from hub.contracts.envelope import split_case
from hub.contracts.names import AgencyCode

_LETTERS = bytes.maketrans(b"0123456789abcdef", b"abcdefghijklmnop")
_BYTES = 16


class Pseudonyms:
    """Makes the pseudonyms of subjects and case ids; the master secret has at least 16 bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _BYTES:
            raise ValueError("the master secret of the pseudonyms is too short.")
        self._secret = secret
        self._keys: dict[AgencyCode, bytes] = {}

    def subject(self, recipient: AgencyCode, subject: str) -> str:
        """Return the recipient's pseudonym of a subject: 32 letters."""
        return self._letters(recipient, b"subject\0" + subject.encode())

    def case(self, recipient: AgencyCode, caseid: str) -> str:
        """Return the recipient's pseudonym of a case id: `<opening agency>/<32 letters>`."""
        opener, _ = split_case(caseid)
        return f"{opener}/{self._letters(recipient, b'case' + bytes(1) + caseid.encode())}"

    def _letters(self, recipient: AgencyCode, message: bytes) -> str:
        key = self._keys.get(recipient)
        if key is None:
            key = self._keys[recipient] = hmac.digest(self._secret, recipient.encode(), "sha256")
        digest = hmac.digest(key, message, "sha256")[:_BYTES]
        return digest.hex().encode().translate(_LETTERS).decode()
