"""The SDK that agency teams use: publish events, receive deliveries, read receipts, with one agency's login.

Light: kafka-python, fastavro and the contracts; nothing else of the hub. Every error is a
`hub.errors.HubError`.
"""

from __future__ import annotations

from connectors.sdk.config import Config
from connectors.sdk.deliveries import Delivery
from connectors.sdk.events import Event
from connectors.sdk.publisher import Pending, Place, Publisher
from connectors.sdk.receipts import Receipt, Receipts
from connectors.sdk.sequence import SequenceError
from connectors.sdk.subscriber import Subscriber
from hub.contracts.origin import Origin

__all__ = [
    "Config",
    "Delivery",
    "Event",
    "Origin",
    "Pending",
    "Place",
    "Publisher",
    "Receipt",
    "Receipts",
    "SequenceError",
    "Subscriber",
]
