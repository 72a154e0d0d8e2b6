"""Pseudonyms by decision 0005, derived from the master secret by the audit itself."""

from __future__ import annotations

import hmac
from functools import lru_cache

from hub.contracts.names import AgencyCode

_LEAST_BYTES = 16
_DIGEST_BYTES = 16
_TO_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_REMEMBERED = 65_536


class Pseudonyms:
    """A recipient's names for subjects and cases.

    HMAC-SHA256 of what is named, under a key that is itself an HMAC of the recipient's code; 128 bits of it
    as letters. A case is opened with its agency's code. Raises ValueError if the secret is too short.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _LEAST_BYTES:
            raise ValueError("the master secret of the pseudonyms is too short.")
        self._key = lru_cache(maxsize=None)(
            lambda recipient: hmac.digest(secret, recipient.encode(), "sha256")
        )
        self._named = lru_cache(maxsize=_REMEMBERED)(self._name)

    def subject(self, recipient: AgencyCode, subject: str) -> str:
        """Return the recipient's name of a person."""
        return self._named(recipient, f"subject\0{subject}")

    def case(self, recipient: AgencyCode, caseid: str) -> str:
        """Return the recipient's name of a case."""
        opener = caseid.partition("/")[0]
        return f"{opener}/{self._named(recipient, f'case{chr(0)}{caseid}')}"

    def _name(self, recipient: AgencyCode, what: str) -> str:
        digest = hmac.digest(self._key(recipient), what.encode(), "sha256")
        return digest[:_DIGEST_BYTES].hex().translate(_TO_LETTERS)
