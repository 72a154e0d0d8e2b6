"""The process of one gate: `python -m streams.gate`. Wiring only."""

from __future__ import annotations

import contextlib

import structlog

from hub import metrics
from hub.broker.gating.loop import Clock, GateLoop, utc_now
from hub.broker.gating.outboxes import Outboxes
from hub.broker.gating.pseudonym_key import pseudonym_key
from hub.broker.gating.recovery import Recovery
from hub.broker.gating.slots import gate_slot
from hub.broker.gating.tail import TailReader
from hub.broker.gating.transactional import Transactions
from hub.broker.registry_topic import RegistryFollower
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.gate.decide import Decider
from hub.gate.memory import Bounds
from hub.gate.pseudonyms import Pseudonyms
from hub.gate.rules import Rules
from hub.host import cycles, process
from hub.host.process import Stop
from hub.settings import Settings

PRINCIPAL = topics.GATE_PRINCIPAL


def main(settings: Settings, stop: Stop, clock: Clock = utc_now) -> None:
    """Run one gate until asked to stop; `clock` is the time it decides by."""
    metrics.serve(settings.metrics.port, settings.metrics.host)
    decider = Decider(
        Codec(Contracts.load()), Pseudonyms(pseudonym_key(settings.data_dir)), settings.gate.event_bytes
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(gate_slot(settings.data_dir, settings.gate.slot))
        follower = stack.enter_context(RegistryFollower(settings, PRINCIPAL))
        transactions = Transactions(settings, PRINCIPAL, topics.gate_transactional_id(settings.gate.slot))
        transactions.start()
        reader = TailReader(settings, PRINCIPAL)
        stack.callback(reader.close)
        outboxes = Outboxes(settings, PRINCIPAL, Recovery(reader, _bounds(settings)))
        stack.callback(outboxes.close)
        loop = GateLoop(
            outboxes,
            transactions,
            decider,
            batch_events=settings.gate.batch_events,
            linger_seconds=settings.gate.linger_ms / 1000,
            clock=clock,
        )
        rules = _first_rules(follower, stop)
        if rules is not None:
            outboxes.join()
            _work(loop, follower, rules, stop)


def _work(loop: GateLoop, follower: RegistryFollower, rules: Rules, stop: Stop) -> None:
    metrics.metrics().registry_version(rules.version)
    loop.step(rules)
    process.ready()
    cycles.settle()
    while not stop:
        if follower.poll() and follower.current is not None:
            rules = Rules(follower.current)
            metrics.metrics().registry_version(rules.version)
            structlog.get_logger().info("registry", version=rules.version)
        with cycles.uncollected():
            loop.step(rules)
    loop.finish()


def _first_rules(follower: RegistryFollower, stop: Stop) -> Rules | None:
    """Wait for the first edition of the agency registry: nothing is decided without one."""
    while not stop:
        follower.poll()
        if follower.current is not None:
            return Rules(follower.current)
        structlog.get_logger().warning("waiting for the agency registry: run `hub apply`")
        stop.wait(1)
    return None


def _bounds(settings: Settings) -> Bounds:
    return Bounds(settings.gate.dedupe_events, round(settings.gate.dedupe_hours * 3_600_000))


if __name__ == "__main__":
    process.run("gate", main)
