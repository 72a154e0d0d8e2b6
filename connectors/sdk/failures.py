"""Kafka's failures in the hub's words: what was refused, and what the agency's team can do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import errors

from hub.errors import BrokerError, BrokerUnavailableError, ContractError, HubError

_UNREACHABLE = (errors.KafkaTimeoutError, errors.KafkaConnectionError, errors.RetriableError, OSError)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what kafka-python raises inside into the HubError that `explain` gives."""
    try:
        yield
    except (errors.KafkaError, OSError) as error:
        raise explain(error, where) from None


def explain(error: BaseException, where: str) -> HubError:  # noqa: PLR0911 - a table of cases
    """Return the HubError that says what a kafka-python exception means at `where` (a topic, an event)."""
    if isinstance(error, HubError):
        return error
    if isinstance(error, errors.SaslAuthenticationFailedError):
        return BrokerError(
            "the login was refused.",
            where=where,
            do="Ask the operator for `hub agency credentials CODE` again.",
        )
    if isinstance(error, errors.AuthorizationError):
        return BrokerError(
            "this agency may not do that there.",
            where=where,
            do="An agency writes to its own outbox and reads its own inbox; check the agency's code.",
        )
    if isinstance(error, (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)):
        return ContractError(
            "the event is larger than the outbox takes.", where=where, do="Send less in one event."
        )
    if isinstance(error, errors.UnsupportedCodecError):
        return BrokerError(
            "the records are compressed in a way that this installation cannot read.",
            where=where,
            do="Install the package lz4 beside kafka-python.",
        )
    if isinstance(error, _UNREACHABLE):
        return BrokerUnavailableError(
            f"the hub did not answer in time, or did not take the login ({type(error).__name__}).",
            where=where,
            do="Check address, network and password, then try the same event again: its id makes that safe.",
        )
    return BrokerError(f"Kafka refused: {type(error).__name__}: {error}.", where=where)
