"""The book of journeys (hub.journeys.book), kept up to date from `hub.registry` between batches."""

from __future__ import annotations

from hub.broker.registry_topic import RegistryFollower
from hub.journeys.book import Book
from hub.settings import Settings


class Books:
    """Follows the agency registry; call it for the book as it is now. Close it when done.

    Making one reads the registry to its end first; raises as `hub.broker.registry_topic.read_registry` does.
    """

    def __init__(self, settings: Settings, principal: str) -> None:
        self._follower = RegistryFollower(settings, principal)
        self._book = Book(self._follower.reader.editions())

    def __call__(self) -> Book:
        """Return the journeys of every edition that there is now; raises BrokerUnavailableError."""
        if self._follower.catch_up():
            self._book = Book(self._follower.reader.editions())
        return self._book

    def close(self) -> None:
        """Leave the broker."""
        self._follower.close()
