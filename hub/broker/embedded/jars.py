"""The jars of the embedded Kafka: resolved by jgo, each checked against the SHA-256 in `jars.lock`.

jgo itself only warns when a checksum differs, and rebuilds some of its folders at every call while others
read them; so what was checked is linked into a folder of ours, named after the lock, and that is all.
Everything lies under `JGO_CACHE_DIR` and `M2_REPO` (jgo's own variables), else in the home folder. A Kafka
distribution's folder, by a setting, takes the place of all this in closed networks.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from hub.errors import ConfigError, StartError
from hub.settings import Settings

KAFKA_VERSION = "4.3.1"
LOG4J_VERSION = "2.25.4"
# Without an SLF4J binding on the class path a broker that cannot start says nothing. It is resolved by
# itself: in one endpoint with Kafka, its managed versions ousted Kafka's (kafka-clients became 3.9.1).
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
    folder = _cache() / "peyvand" / f"kafka-{KAFKA_VERSION}-{_lock_digest()[:12]}"
    if not folder.is_dir():
        _fetch(folder, progress)
    jars = sorted(folder.glob("*.jar"))
    verify(jars, folder / STAMP)
    return jars


def _cache() -> Path:
    return Path(os.environ.get("JGO_CACHE_DIR") or Path.home() / ".cache" / "jgo")


def _lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _fetch(folder: Path, progress: Progress | None) -> None:
    """Make `folder`, whole or not at all, from what jgo fetches; one process at a time."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / "lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.is_dir():  # another process was quicker
                return
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="new-") as scratch:
                draft = Path(scratch) / folder.name
                draft.mkdir()
                for jar in _resolve(progress):
                    _link(jar, draft / jar.name)
                verify(sorted(draft.glob("*.jar")), draft / STAMP)
                draft.rename(folder)
    except OSError as error:
        raise StartError(
            f"Kafka's jars cannot be kept: {error.strerror}.",
            where=str(error.filename or folder),
            do="Set JGO_CACHE_DIR and M2_REPO to folders that can be written, "
            "or HUB_KAFKA__DISTRIBUTION to the folder of a Kafka distribution.",
        ) from None


def _link(jar: Path, target: Path) -> None:
    try:
        target.hardlink_to(jar)
    except OSError:  # another file system
        shutil.copy2(jar, target)


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
        raise _untrusted(f"{unknown[0]} is not in hub/broker/embedded/jars.lock.", stamp.parent)
    fingerprint = {"lock": _lock_digest(), "jars": seen}
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
    repository = os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository"
    return StartError(
        f"the Kafka jars cannot be trusted: {what}",
        where=str(folder),
        do=f"Delete {_cache()} and the Kafka files under {repository}, then start again.",
    )


def _resolve(progress: Progress | None) -> list[Path]:
    """Return every jar of the endpoints as jgo has it. Raises StartError when it cannot be had."""
    try:
        import jgo  # noqa: PLC0415 - wants the extra `embedded`, and is not needed warm
        from jgo.config import GlobalSettings  # noqa: PLC0415
    except ModuleNotFoundError:
        raise StartError(
            "the embedded Kafka is not installed.",
            do="Install `peyvand[hub,embedded]`, or set HUB_KAFKA__BOOTSTRAP to use a Kafka of yours.",
        ) from None
    found: dict[str, Path] = {}
    try:
        own = GlobalSettings.load()
        with _counting(Path(own.repo_cache), progress):
            for endpoint in ENDPOINTS:
                # A mirror named `central` in the user's jgo configuration takes Maven Central's place.
                environment = Path(jgo.build(endpoint, repositories=own.repositories).path)
                found |= {jar.name: jar for jar in environment.glob("*/*.jar")}
    except Exception as error:  # noqa: BLE001 - jgo's faults have no common class
        # Every fault of the network is an OSError; its text is a page of addresses.
        unreached = f"the Maven repository could not be reached ({type(error).__name__})"
        cause = unreached if isinstance(error, OSError) else (str(error).strip() or type(error).__name__)
        raise StartError(
            f"Kafka {KAFKA_VERSION} could not be fetched: {cause.splitlines()[0][:300]}.",
            do="Check the network (Maven Central, or your mirror in jgo's configuration), or set "
            "HUB_KAFKA__DISTRIBUTION to the folder of a Kafka distribution.",
        ) from None
    return list(found.values())


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
