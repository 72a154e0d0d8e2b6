"""Agencies at work through the SDK, one process each: they live on whatever is killed, and keep a journal."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass
from pathlib import Path

from kafka.errors import KafkaError

from connectors.sdk import Config, Event, Publisher, Subscriber
from hub.errors import BrokerError, HubError

STEP = "service.step.completed.v1"
RATING = "feedback.rating.given.v1"
TYPES = (STEP, STEP, STEP, "service.request.decided.v1", RATING)
DATA = {
    STEP: {"service_id": "permit", "handled_by": "560872"},
    "service.request.decided.v1": {"service_id": "permit", "decision": "granted"},
    RATING: {"service_id": "permit", "rating": 4},
}
CASES_AT_ONCE = 15
STEPS_OF_A_CASE = 12
NATIONAL_NUMBER = "0123456789"
RETRY_SECONDS = 0.5
SLOW_SECONDS = 0.01
CONFIRM_SECONDS = 35.0


@dataclass(frozen=True)
class Source:
    """An agency that publishes: `rate` events a second; what was confirmed is written to `journal`."""

    config: Config
    seed: int
    rate: float
    journal: Path


@dataclass(frozen=True)
class Recipient:
    """An agency that reads and acknowledges; a slow one takes its time for each delivery."""

    config: Config
    seed: int
    journal: Path
    slow: bool = False


def publish(source, stop):
    """Publish until told to stop; an event is tried again, id and all, until the broker has confirmed it.

    A round sends one event of each open case and waits for all, so a case's events keep their order.
    """
    rng = random.Random(f"{source.seed} {source.config.agency}")
    publisher = _Lasting(source.config)
    steps, opened = {}, 0
    repeat = None
    with source.journal.open("w") as journal:
        while not stop.is_set():
            begin = time.monotonic()
            while len(steps) < CASES_AT_ONCE:
                opened += 1
                steps[opened] = 0
            events = []
            for case in list(steps):
                steps[case] += 1
                events.append(_event(source, rng, case, steps[case]))
                if steps[case] == STEPS_OF_A_CASE:
                    del steps[case]
            if repeat is not None:
                events.append(repeat)
            repeat = rng.choice(events) if rng.random() < 0.3 else None
            for event, place in zip(events, publisher.publish_all(events), strict=True):
                journal.write(f"{event.id} {place}\n")
            journal.flush()
            time.sleep(max(0.0, begin + len(events) / source.rate - time.monotonic()))
    publisher.close()


def _event(source, rng, case, step):
    """Return a case's next event; one in a hundred names a person by national number, which is refused."""
    agency, type_ = source.config.agency, rng.choice(TYPES)
    refused = rng.random() < 0.01
    return Event(
        type=type_,
        data=DATA[type_],
        id=f"{agency}:{case}:{step}{':refused' if refused else ''}",
        caseid=f"{agency}/{case}",
        subject=NATIONAL_NUMBER if refused else f"person-{case}",
    )


class _Lasting:
    """A publisher that is made anew where it fails."""

    def __init__(self, config):
        self._config = config
        self._publisher = None

    def publish_all(self, events):
        """Publish all and return their places, however long that takes."""
        places = {}
        while len(places) < len(events):
            try:
                self._try(events, places)
            except (HubError, KafkaError, OSError):
                self.close()
                time.sleep(RETRY_SECONDS)
        return [places[number] for number in range(len(events))]

    def _try(self, events, places):
        if self._publisher is None:
            self._publisher = Publisher(self._config)
        pending = {
            number: self._publisher.publish_nowait(event)
            for number, event in enumerate(events)
            if number not in places
        }
        failed, end = None, time.monotonic() + CONFIRM_SECONDS
        for number, each in pending.items():
            try:
                places[number] = each.result(max(0.0, end - time.monotonic()))
            except BrokerError as error:
                failed = error
        if failed is not None:
            raise failed

    def close(self):
        with contextlib.suppress(HubError, KafkaError, OSError):
            if self._publisher is not None:
                self._publisher.close()
        self._publisher = None


def receive(recipient, stop, hurry):
    """Read, acknowledge, reject now and then, until told to stop; a gap goes into the journal."""
    rng = random.Random(f"{recipient.seed} {recipient.config.agency}")
    with recipient.journal.open("w") as journal:

        def on_gap(error):
            if error.missing:
                journal.write(f"{error}\n")
                journal.flush()

        while not stop.is_set():
            try:
                with Subscriber(recipient.config, on_gap=on_gap, batch=500) as subscriber:
                    _take(recipient, subscriber, rng, stop, hurry)
            except (HubError, KafkaError, OSError):
                time.sleep(RETRY_SECONDS)


def _take(recipient, subscriber, rng, stop, hurry):
    while not stop.is_set():
        delivery = subscriber.next(0.2)
        if delivery is None:
            continue
        if recipient.slow and not hurry.is_set():
            time.sleep(SLOW_SECONDS)
        if rng.random() < 0.002:
            subscriber.reject(delivery, "incomplete-file", "A step is missing.")
        else:
            subscriber.ack(delivery)
