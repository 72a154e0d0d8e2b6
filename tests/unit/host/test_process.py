"""What every process shares: how it ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASKED_WHILE_IT_ENDS = """
import os, signal
from hub.errors import BrokerError
from hub.host import process

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
        kill(pid, number)

last = Last()

def main(settings, stop):
    if {fails}:
        raise BrokerError("Kafka refuses.")

process.run("gate", main)
"""


@pytest.mark.parametrize(("fails", "code"), [(True, 1), (False, 0)])
def test_a_process_that_is_asked_to_stop_while_it_ends_keeps_its_exit_code(fails, code, tmp_path):
    """The interpreter puts signals back to their defaults before it is gone: SIGTERM would be the code."""
    ended = subprocess.run(
        [sys.executable, "-c", ASKED_WHILE_IT_ENDS.format(fails=fails)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
