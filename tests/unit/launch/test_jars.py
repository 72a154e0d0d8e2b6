"""The embedded Kafka runs what the lock names, or nothing."""

from __future__ import annotations

import hashlib
import os

import pytest

from hub.broker.embedded import jars
from hub.broker.embedded.config import properties
from hub.broker.embedded.java import first_error
from hub.errors import ConfigError, StartError
from hub.settings import Settings


@pytest.fixture
def locked_folder(tmp_path, monkeypatch):
    """Give a folder of two jars, and a lock that names them."""
    folder = tmp_path / "jars"
    folder.mkdir()
    lines = []
    for name in ("a-1.jar", "b-1.jar"):
        (folder / name).write_bytes(name.encode())
        lines.append(f"{hashlib.sha256(name.encode()).hexdigest()} group/{name}")
    (tmp_path / "jars.lock").write_text("# head\n" + "\n".join(lines) + "\n", encoding="ascii")
    monkeypatch.setattr(jars, "LOCK", tmp_path / "jars.lock")
    jars.locked.cache_clear()
    yield folder
    jars.locked.cache_clear()


def check(folder):
    """Verify a folder as a start does."""
    jars.verify(sorted(folder.glob("*.jar")), folder / jars.STAMP)


def test_the_locked_jars_pass_and_are_not_hashed_again(locked_folder, monkeypatch):
    """A warm start looks at sizes and times only."""
    check(locked_folder)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    check(locked_folder)


@pytest.mark.parametrize("damage", ["other", "shorter", "missing", "additional"])
def test_anything_else_is_refused_in_one_sentence(locked_folder, damage):
    """Also after a good start: the stamp does not vouch for a file that changed since."""
    check(locked_folder)
    jar = locked_folder / "b-1.jar"
    if damage == "other":
        jar.write_bytes(b"B-1.jar")
    elif damage == "shorter":
        jar.write_bytes(b"")
    elif damage == "missing":
        jar.unlink()
    else:
        (locked_folder / "c-1.jar").write_bytes(b"c")
    with pytest.raises(StartError, match=r"the Kafka jars cannot be trusted: .*(a|b|c)-1\.jar") as caught:
        check(locked_folder)
    assert "\n" not in str(caught.value)


def test_the_lock_names_the_pinned_kafka_and_a_logging_binding():
    """The versions of code and lock are the same; without the binding a failing broker is mute."""
    jars.locked.cache_clear()
    assert f"kafka_2.13-{jars.KAFKA_VERSION}.jar" in jars.locked()
    assert f"kafka-clients-{jars.KAFKA_VERSION}.jar" in jars.locked()
    assert f"log4j-slf4j-impl-{jars.LOG4J_VERSION}.jar" in jars.locked()


def test_a_distribution_folder_that_is_none_is_a_wrong_setting(tmp_path):
    """HUB_KAFKA__DISTRIBUTION must hold libs/kafka_2.*.jar."""
    settings = Settings(kafka={"distribution": tmp_path})
    with pytest.raises(ConfigError, match="HUB_KAFKA__DISTRIBUTION is no folder of a Kafka distribution"):
        jars.class_path(settings)


def test_a_distribution_folder_takes_the_place_of_fetching(tmp_path):
    """In a closed network nothing is fetched."""
    (tmp_path / "libs").mkdir()
    jar = tmp_path / "libs" / "kafka_2.13-4.3.1.jar"
    jar.touch()
    assert jars.class_path(Settings(kafka={"distribution": tmp_path})) == [jar]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    """A user without a home folder is told which variables help."""
    tmp_path.chmod(0o500)
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(StartError, match="JGO_CACHE_DIR"):
        jars.class_path(Settings())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "x INFO a\ny ERROR Ending (K$)\njava.lang.IllegalStateException: no disk\n at a.b",
            "Ending (K$): java.lang.IllegalStateException: no disk",
        ),
        (
            'Exception in thread "main" java.lang.Error: out',
            'Exception in thread "main" java.lang.Error: out',
        ),
        ("all is well\nbye\n", "bye"),
        ("", "it said nothing"),
    ],
)
def test_the_telling_line_of_a_java_program(text, expected):
    """What a person needs to read of a long log."""
    assert first_error(text) == expected


def test_properties_survive_javas_latin_1():
    """Blanks, backslashes and letters beyond ASCII are escaped as java.util.Properties reads them."""
    assert properties({"a": " b\\ش😀\n"}) == "a=\\ b\\\\\\u0634\\ud83d\\ude00\\n\n"
