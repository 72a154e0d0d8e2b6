"""What Kafka's metadata log says of the one broker."""

from __future__ import annotations

from pathlib import Path

from hub.broker.embedded.fencing import is_fenced

FENCED, SERVING = b"\x01\x00\x01\x01", b"\x01\x00\x01\xff"


def change(state: bytes, epoch: int = 10) -> bytes:
    """Return a BrokerRegistrationChangeRecord's bytes, as Kafka 4.3.1 writes them, between others."""
    return b"\x00\x1a\x01\x11\x02\x00\x00\x00\x01" + epoch.to_bytes(8) + state + b"\x00\x07"


def test_the_last_word_counts_over_all_segments(tmp_path: Path) -> None:
    """Nothing said: not fenced. Then whatever was said last; an epoch may hold a line's end."""
    folder = tmp_path / "__cluster_metadata-0"
    folder.mkdir()
    assert not is_fenced(tmp_path)
    (folder / "00000000000000000000.log").write_bytes(b"head" + change(SERVING) + change(FENCED, 0x0A0A))
    assert is_fenced(tmp_path)
    (folder / "00000000000000000100.log").write_bytes(change(FENCED) + change(SERVING))
    assert not is_fenced(tmp_path)
