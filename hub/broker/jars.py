"""The jars of the embedded Kafka: resolved by jgo, each checked against the SHA-256 in `jars.lock`.

jgo itself only warns when a checksum differs. A Kafka distribution's folder by a setting takes jgo's place in
closed networks. Where jgo keeps its files: `JGO_CACHE_DIR`, `M2_REPO` (its own variables), else the home folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from hub.errors import ConfigError, StartError
from hub.settings import Settings

KAFKA_VERSION = "4.3.1"
LOG4J_VERSION = "2.25.4"
# Without an SLF4J binding on the class path a broker that cannot start says nothing. It is resolved by itself:
# in one endpoint with Kafka, its managed versions took the place of Kafka's (kafka-clients became 3.9.1).
ENDPOINTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}",
)
LOCK = Path(__file__).with_name("jars.lock")
STAMP = "peyvand-verified.json"

Progress = Callable[[int, int], None]
"""Told how many jars of how many are there."""


@cache
def locked() -> dict[str, tuple[str, str]]:
    """Return file name -> (SHA-256, path in a Maven repository) of every jar of the lock."""
    lines = (line.split() for line in LOCK.read_text(encoding="ascii").splitlines())
    rows = [line for line in lines if line and line[0] != "#"]
    return {path.rpartition("/")[2]: (digest, path) for digest, path in rows}


def class_path(settings: Settings, progress: Progress | None = None) -> list[Path]:
    """Return the jars of the embedded Kafka, fetched if need be, checked, sorted by name.

    Raises StartError when they cannot be fetched or one differs, ConfigError for a folder that is no Kafka.
    """
    if settings.kafka.distribution is not None:
        return _of_distribution(settings.kafka.distribution)
    environments = _resolve(progress)
    found = {jar.name: jar for folder in environments for jar in sorted(folder.glob("*/*.jar"))}
    jars = [found[name] for name in sorted(found)]
    verify(jars, environments[0] / STAMP)
    return jars


def _of_distribution(folder: Path) -> list[Path]:
    jars = sorted((folder / "libs").glob("*.jar"))
    if not any(jar.name.startswith("kafka_2.") for jar in jars):
        raise ConfigError(
            "HUB_KAFKA__DISTRIBUTION is no folder of a Kafka distribution: it has no libs/kafka_2.*.jar.",
            where=str(folder),
            do=f"Unpack Apache Kafka {KAFKA_VERSION} there, or unset it to let the hub fetch Kafka.",
        )
    return jars


def verify(jars: list[Path], stamp: Path) -> None:
    """Raise StartError unless the jars are exactly the locked ones.

    A stamp keeps sizes and times of what was checked, so that a warm start does not hash everything again.
    """
    seen = {jar.name: [jar.stat().st_size, jar.stat().st_mtime_ns] for jar in jars}
    lock = locked()
    if missing := sorted(lock.keys() - seen.keys()):
        raise _untrusted(f"{len(missing)} jar(s) are missing, such as {missing[0]}.", stamp.parent)
    if unknown := sorted(seen.keys() - lock.keys()):
        raise _untrusted(f"{unknown[0]} is not in hub/broker/jars.lock.", stamp.parent)
    fingerprint = {"lock": hashlib.sha256(LOCK.read_bytes()).hexdigest(), "jars": seen}
    with contextlib.suppress(OSError, ValueError):
        if json.loads(stamp.read_text(encoding="ascii")) == fingerprint:
            return
    for jar in jars:
        with jar.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != lock[jar.name][0]:
            raise _untrusted(f"{jar.name} is not the locked file (SHA-256 {digest[:12]}…).", stamp.parent)
    with contextlib.suppress(OSError):  # a read-only cache only costs the time to hash
        stamp.write_text(json.dumps(fingerprint), encoding="ascii")


def _untrusted(what: str, folder: Path) -> StartError:
    return StartError(
        f"the Kafka jars cannot be trusted: {what}",
        where=str(folder),
        do=f"Delete that folder and the same files under {_repository()}, then start again.",
    )


def _repository() -> Path:
    from jgo.constants import default_maven_repo  # noqa: PLC0415 - wants the extra `embedded`

    return Path(default_maven_repo())


def _resolve(progress: Progress | None) -> list[Path]:
    try:
        import jgo  # noqa: PLC0415 - wants the extra `embedded`
        from jgo.config import GlobalSettings  # noqa: PLC0415
    except ModuleNotFoundError:
        raise StartError(
            "the embedded Kafka is not installed.",
            do="Install `peyvand[hub,embedded]`, or set HUB_KAFKA__BOOTSTRAP to use a Kafka of yours.",
        ) from None
    try:
        own = GlobalSettings.load()
        Path(own.cache_dir).mkdir(parents=True, exist_ok=True)
        with _alone(Path(own.cache_dir)), _counting(Path(own.repo_cache), progress):
            # A mirror named `central` in the user's jgo configuration takes Maven Central's place.
            return [Path(jgo.build(endpoint, repositories=own.repositories).path) for endpoint in ENDPOINTS]
    except Exception as error:  # jgo's faults have no common class
        cause = str(error).strip().splitlines() or [type(error).__name__]
        raise StartError(
            f"Kafka {KAFKA_VERSION} could not be fetched: {cause[0][:300]}.",
            do="Check the network (Maven Central, or your mirror in jgo's configuration), or set "
            "HUB_KAFKA__DISTRIBUTION to the folder of a Kafka distribution.",
        ) from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time fill the cache."""
    with (folder / "peyvand.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _counting(repository: Path, progress: Progress | None) -> Iterator[None]:
    if progress is None:
        yield
        return
    over, paths = threading.Event(), [repository / path for _, path in locked().values()]

    def count() -> None:
        while not over.wait(0.3):
            progress(sum(path.exists() for path in paths), len(paths))

    counter = threading.Thread(target=count, daemon=True)
    counter.start()
    try:
        yield
        progress(len(paths), len(paths))
    finally:
        over.set()
        counter.join()
