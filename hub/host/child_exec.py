"""What a child process runs first: become who it shall be, tie its life to its parent's, then the program.

Run as a script by `hub.host.child` with `python -I -S`; standard library only, so that it costs milliseconds.
A program of its own instead of `preexec_fn`: that is unsafe in a parent with threads.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main(arguments: list[str]) -> None:
    """Apply the specification in the first argument (JSON), then become the program of the rest."""
    specification: dict[str, Any] = json.loads(arguments[0])
    libc = ctypes.CDLL(None, use_errno=True)
    raise_open_files()
    if specification["uid"] is not None:
        become(libc, specification["uid"], specification["gid"], enter_closed=specification["enter_closed"])
    # After the change of user, which would clear it.
    libc.prctl(PR_SET_PDEATHSIG, specification["death_signal"], 0, 0, 0)
    if os.getppid() != specification["parent"]:
        sys.exit(128 + signal.SIGKILL)  # the parent died before the tie was made
    os.execve(arguments[1], arguments[1:], dict(os.environ))  # noqa: S606 - the program is ours


def raise_open_files() -> None:
    """Raise the soft limit of open files to the hard one: 1,700 partitions want 1,800 files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def become(libc: Any, uid: int, gid: int, *, enter_closed: bool) -> None:
    """Change user and group; where wanted, keep the one capability that passes folders closed to others."""
    if enter_closed:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # Without this access(2) looks past capabilities, and initdb asks it about its own programs.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if enter_closed and not any(keep(libc, cap) for cap in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)):
        sys.exit(
            "this container lets no process enter folders closed to others (CAP_DAC_OVERRIDE is dropped)"
        )


def keep(libc: Any, capability: int) -> bool:
    """Make one capability survive the program's start, and no other; return whether the system agreed."""
    header = _Header(_CAPABILITY_VERSION_3, 0)
    sets = (_Sets * 2)()
    bit = 1 << capability
    sets[0].effective = sets[0].permitted = sets[0].inheritable = bit
    saved = (_Sets * 2)()
    libc.capget(ctypes.byref(header), saved)
    if not saved[0].permitted & bit:
        return False
    if libc.capset(ctypes.byref(header), sets) != 0:
        return False
    raised: int = libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
    return raised == 0


if __name__ == "__main__":
    main(sys.argv[1:])
