"""What the audit judges by: the editions of the agency registry, and the rules that each of them makes."""

from __future__ import annotations

from typing import Protocol

from hub.audit.claims import Basis, Claim, basis
from hub.audit.rules import Rules
from hub.registry.model import Registry

_END_OF_TIME_MS = 2**62
_NOBODY = Registry(0, {}, {})


class Editions(Protocol):
    """The editions of the agency registry with the broker's times of their manifests.

    Read hub.registry to its end before feeding what was read after: a receipt may name its newest edition.
    """

    def edition(self, number: int) -> Registry | None:
        """Return an edition, None if it was never on hub.registry (or is gone)."""

    def in_force(self, at_ms: int) -> int | None:
        """Return the number of the edition whose manifest was the newest at a time of the broker's."""

    def appended_ms(self, number: int) -> int | None:
        """Return when an edition's manifest was appended."""

    def superseded_ms(self, number: int) -> int | None:
        """Return when the next edition's manifest was appended; None for the newest."""


class Ground:
    """Editions, looked up; rules are made once for each."""

    def __init__(self, editions: Editions) -> None:
        self._editions = editions
        self._rules: dict[int, Rules] = {}

    def in_force(self, at_ms: int) -> int:
        """Return the edition that was in force at a time of the broker's, 0 if there was none."""
        return self._editions.in_force(at_ms) or 0

    def rules(self, number: int) -> Rules:
        """Return the rules of an edition; those of one that is not known let nobody do anything."""
        rules = self._rules.get(number)
        if rules is None:
            registry = self._editions.edition(number)
            rules = Rules(_NOBODY if registry is None else registry)
            if registry is not None:
                self._rules[number] = rules
        return rules

    @property
    def newest(self) -> Rules:
        """The rules of the newest edition."""
        return self.rules(self.in_force(_END_OF_TIME_MS))

    def basis(self, claim: Claim) -> Basis:
        """Return what a receipt's batch was decided by."""
        editions = self._editions
        return basis(claim, editions.in_force, editions.appended_ms, editions.superseded_ms)
