"""The gate with every check on, beside bare loops that check nothing; two gates beside one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.errors import StartError
from hub.launch.bench import audited
from hub.launch.bench.bench import Bench
from hub.launch.bench.contest import Bare, Gates, bare, contest
from hub.launch.bench.model import Contender, Finding, Result, rates, ratio

PEERS = (
    *("plain", "transactional", "aiokafka_loop", "aiokafka_batch", "kafka_python_loop"),
    *("faust_loop", "faust_take", "quix", "faststream", "bytewax", "kafka_streams"),
)
ROUNDS = 3
EVENTS = 150_000
TWO_EVENTS = 500_000
"""Each of two gates decides half of a round, which must be long beside its first batches."""
_GATE = Contender(
    "Peyvand's gate",
    "this",
    "The process of `hub up`: every check, mask on half of the events, two deliveries an event, receipts, "
    "ledger, dedupe, all in one transaction with the offsets.",
)
_TWO = Contender("two gates", "this", "The same twice; each has half of the source's partitions.")
_HOW = (
    "Events wait on an outbox of 4 partitions; by turns, contenders read and write them until all are "
    "through or 8 s are over; the rate is that between their commits, without the first ones. A peer writes "
    "each event once, the gate twice."
)
_BOUNDS = {"aiokafka_loop": 0.8, "transactional": 0.3, "faust_loop": 8.0}


def gate(bench: Bench) -> Result:
    """Measure one gate and every peer that is there, by rounds; afterwards the audit must find nothing."""
    found = [bare(module) for module in PEERS if not bench.only or module in bench.only]
    peers = [each for each in found if isinstance(each, Bare)]
    absent = [each for each in found if isinstance(each, str)]
    with bench.ground("gate") as ground:
        runs = contest(
            ground,
            [Gates(_GATE), *peers],
            rounds=bench.rounds(ROUNDS),
            events=bench.events(EVENTS),
            say=bench.say,
        )
        ground.wait_decided()
        sheet = audited.sheet(ground)
    findings = [_against(runs, peer) for peer in peers if peer.module in _BOUNDS]
    findings += [_against(runs, peer) for peer in peers if peer.module not in _BOUNDS]
    return Result(
        name="gate",
        title="The gate beside bare passthroughs",
        how=_HOW,
        findings=(*findings, *audited.balanced(sheet)),
        contenders=(_GATE, *(peer.contender for peer in peers)),
        runs=tuple(runs),
        notes=tuple(absent),
    )


def two_gates(bench: Bench) -> Result:
    """Measure two gates beside one, with the broker beside them."""
    # A broker that knows of two deals them the partitions together.
    gate = bench.settings.gate.model_copy(update={"count": 2})
    for_two = replace(bench, settings=bench.settings.model_copy(update={"gate": gate}))
    with for_two.ground("two-gates") as ground:
        runs = contest(
            ground,
            [Gates(_GATE), Gates(_TWO, 2)],
            rounds=bench.rounds(ROUNDS),
            events=bench.events(TWO_EVENTS),
            say=bench.say,
        )
        ground.wait_decided()
        sheet = audited.sheet(ground)
    value = ratio(runs, _TWO.name, _GATE.name)
    return Result(
        name="two-gates",
        title="Two gates beside one",
        how="As above; two processes of one consumer group share the outbox's partitions.",
        findings=(Finding("two gates against one", round(value, 2), "×", 1.3), *audited.balanced(sheet)),
        contenders=(_GATE, _TWO),
        runs=tuple(runs),
    )


def _against(runs: Any, peer: Bare) -> Finding:
    value = ratio(runs, _GATE.name, peer.contender.name)
    if not rates(runs, peer.contender.name):
        raise StartError(f"{peer.contender.name} was not measured.")
    return Finding(f"gate against {peer.contender.name}", round(value, 2), "×", _BOUNDS.get(peer.module))
