"""What the gate wrote on one delivery: the event's attributes, and how it came here."""

from __future__ import annotations

from typing import NamedTuple

from hub.contracts import envelope
from hub.contracts.envelope import Headers
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.errors import ContractError


class Delivery(NamedTuple):
    """The headers of a delivery; `time` and `accepted_at` as they were written.

    `origin` is where the delivered record stands in an outbox; of a repair or replay that is the hub's, and
    `replay_of` the place where the event itself stands.
    """

    route: str
    seq: int
    origin: Origin
    replay_of: Origin | None
    accepted_at: str
    agreement: str
    purpose: str | None
    masked: tuple[str, ...]
    id: str
    source: str
    agency: AgencyCode
    subsystem: str | None
    type: str
    time: str
    subject: str | None
    caseid: str | None
    causationid: str | None
    channel: str | None


def read(headers: Headers) -> Delivery:
    """Read the headers of a delivery.

    Raises ContractError when they are none of the gate's: one is missing or cannot be read. The text names
    the header and holds no value.
    """
    texts = envelope.text_headers(headers)
    try:
        agency, subsystem = envelope.agency_of_source(texts["ce_source"])
        masked = texts.get(envelope.MASKED)
        replay_of = texts.get(envelope.REPLAY_OF)
        return Delivery(
            route=texts[envelope.ROUTE],
            seq=int(texts[envelope.SEQ]),
            origin=Origin.parse(texts[envelope.ORIGIN]),
            replay_of=None if replay_of is None else Origin.parse(replay_of),
            accepted_at=texts[envelope.ACCEPTED_AT],
            agreement=texts[envelope.AGREEMENT],
            purpose=texts.get(envelope.PURPOSE),
            masked=tuple(masked.split(",")) if masked else (),
            id=texts["ce_id"],
            source=texts["ce_source"],
            agency=agency,
            subsystem=subsystem,
            type=texts["ce_type"],
            time=texts["ce_time"],
            subject=texts.get("ce_subject"),
            caseid=texts.get("ce_caseid"),
            causationid=texts.get("ce_causationid"),
            channel=texts.get("ce_channel"),
        )
    except KeyError as missing:
        raise ContractError(f"the delivery has no header {missing.args[0]}.") from None
    except ValueError:
        raise ContractError("the delivery has a header or a number that cannot be read.") from None
