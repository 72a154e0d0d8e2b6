"""The class path of Kafka Streams: the embedded broker's jars, two more by checksum, and our class, compiled.

What is made is kept beside the broker's jars, in a folder named after what went into it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hub.broker.embedded import jars
from hub.errors import StartError
from hub.settings import Settings

MAIN_CLASS = "Passthrough"
_SOURCE = Path(__file__).with_name(f"{MAIN_CLASS}.java")
_STREAMS, _ROCKSDB = f"kafka-streams-{jars.KAFKA_VERSION}.jar", "rocksdbjni-10.1.3.jar"
_MORE = {
    _STREAMS: "bd73f3805e116f711e8456ee89a8a5b43ff5dcf5a5bb865afae29deae89e7c4b",
    _ROCKSDB: "e7f925287d9fe2574fb7c7a86f7facaa9b8ab602a2eed0e598bf633528121498",
}
_RELEASE = "17"


def class_path(settings: Settings, compiler: str) -> str:
    """Return the class path of MAIN_CLASS, made if need be with `compiler`, a path of javac.

    Raises StartError where a jar cannot be had or differs, or where the source does not compile.
    """
    broker = jars.class_path(settings)
    made = hashlib.sha256(_SOURCE.read_bytes() + "".join(_MORE.values()).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("JGO_CACHE_DIR") or Path.home() / ".cache" / "jgo") / "peyvand"
    folder = cache / f"streams-{jars.KAFKA_VERSION}-{made}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as scratch:
            draft = Path(scratch) / folder.name
            draft.mkdir()
            _copy_jars(draft)
            _compile(draft, [*broker, *draft.glob("*.jar")], compiler)
            draft.rename(folder)
    return os.pathsep.join(map(str, [folder, *sorted(folder.glob("*.jar")), *broker]))


def _copy_jars(folder: Path) -> None:
    import jgo  # noqa: PLC0415 - not needed warm
    from jgo.config import GlobalSettings  # noqa: PLC0415

    repositories = GlobalSettings.load().repositories
    endpoint = f"org.apache.kafka:kafka-streams:{jars.KAFKA_VERSION}"
    environment = Path(jgo.build(endpoint, repositories=repositories).path)
    found = {jar.name: jar for jar in environment.glob("*/*.jar")}
    for name, digest in _MORE.items():
        with found[name].open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise StartError(f"{name} is not the pinned file.", where=str(found[name]), do="Delete it.")
        shutil.copy2(found[name], folder / name)


def _compile(folder: Path, path: list[Path], compiler: str) -> None:
    command = [compiler, "--release", _RELEASE, "-proc:none", "-d", str(folder), "-cp"]
    run = subprocess.run(
        [*command, os.pathsep.join(map(str, path)), str(_SOURCE)], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise StartError(f"{_SOURCE.name} does not compile: {run.stderr.strip()[:300]}", where=compiler)
