"""The pages about contracts say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hub.contracts import handbook
from hub.contracts.codec import Codec
from hub.contracts.envelope import read_headers
from hub.contracts.names import event_type
from hub.contracts.schemas import Contracts
from hub.contracts.structured import read_structured
from hub.contracts.topics import EVENT_BYTES

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = Contracts.load(ROOT / "schemas")
CODEC = Codec(CONTRACTS)
WIRE = (ROOT / "docs/reference/wire-contract.md").read_text(encoding="utf-8")


def block(after: str) -> str:
    """Return the first fenced block behind a text of the wire contract's page."""
    return re.search(r"```\w*\n(.*?)```", WIRE[WIRE.index(after) :], re.DOTALL)[1]


def hexadecimal(text: str) -> bytes:
    """Return the bytes of a hex dump with remarks at the right."""
    return b"".join(
        bytes.fromhex(re.match(r"(?:[0-9a-f]{2}(?: |$))+", line)[0]) for line in text.splitlines()
    )


def test_the_page_of_event_types_is_current():
    """Run the command that the page names when this fails."""
    page = (ROOT / "docs/reference/event-types.md").read_text(encoding="utf-8")
    assert page == handbook.page(CONTRACTS), f"run: {handbook.COMMAND}"


def test_the_worked_example_is_one_event_in_both_modes():
    """JSON document, headers and bytes of the page are the same event."""
    document = block("### Structured mode")
    envelope, value = read_structured(
        [("content-type", b"application/cloudevents+json")], document.encode(), CODEC
    )
    headers = [line.partition(": ") for line in block("### The same event in binary mode").splitlines()]
    assert read_headers([(name, text.encode()) for name, _, text in headers]) == envelope
    assert f"key `{envelope.key}`" in WIRE
    assert hexadecimal(block("Value, 36 bytes")) == value
    assert len(value) == 36
    assert json.loads(document)["data"]["comment"] in block("Value, 36 bytes")


def test_the_worked_delivery_is_the_example_with_its_comment_withheld():
    """The masked bytes of the page decode to the default, all else unchanged."""
    contract, whole = CODEC.decode(hexadecimal(block("Value, 36 bytes")))
    masked = hexadecimal(block("may not see comments"))
    assert masked == CODEC.encode_raw(contract, whole | {"comment": contract.note("comment").default})


def test_the_page_names_the_real_size_and_every_header():
    """Numbers and names of the page are the code's."""
    assert f"{EVENT_BYTES:,} bytes" in WIRE
    source = (ROOT / "hub/contracts/envelope.py").read_text(encoding="utf-8")
    names = set(re.findall(r'^[A-Z_]+ = "(hub-[a-z-]+)"', source, re.MULTILINE))
    assert len(names) >= 12
    assert names == set(re.findall(r"`(hub-[a-z]+(?:-[a-z]+)*)", WIRE))


def test_every_event_type_but_the_receipt_can_stand_in_an_envelope():
    """The receipt is no event: it cannot be published."""
    for name in CONTRACTS.event_types():
        assert name == "hub.receipt.v1" or event_type(name) == name
