"""The embedded engines after accidents: killed, interrupted, on taken ports, beside stale files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from hub.broker import clients
from hub.broker.embedded.kafka import EmbeddedKafka
from hub.errors import StartError
from hub.host import child
from hub.settings import Settings
from hub.store.embedded import EmbeddedPostgres


@pytest.fixture(scope="module")
def kafka_folder(tmp_path_factory):
    """Give a data folder, with blank, comma and Persian letters in its name, whose Kafka was formatted."""
    folder = tmp_path_factory.mktemp("هاب 1, a")
    EmbeddedKafka(Settings(data_dir=folder)).format()
    return folder


@pytest.fixture
def kafka(kafka_folder):
    made = EmbeddedKafka(Settings(data_dir=kafka_folder))
    made.format()
    yield made
    made.stop()


@pytest.fixture
def postgres(tmp_path):
    made = EmbeddedPostgres(Settings(data_dir=tmp_path / "پایگاه 1"))
    made.init()
    yield made
    made.stop()


def query(postgres, statement):
    """Run one statement as the hub does; return its first row if there is one."""
    url = postgres.settings.postgres.url.get_secret_value().replace("+psycopg", "")
    connection = psycopg.connect(url, autocommit=True)
    try:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


@pytest.mark.destructive
def test_a_killed_broker_resumes_with_what_it_had_confirmed(kafka):
    """`kill -9`, then a start on other ports (ports.json was lost): the confirmed record is still there."""
    kafka.start()
    admin = AdminClient(clients.base(kafka.settings, "hub.admin"))
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(20)
    producer = Producer(clients.writer(kafka.settings, "hub.admin"))
    producer.produce("kept", b"value")
    assert producer.flush(20) == 0
    kafka.process.send_signal(signal.SIGKILL)
    kafka.process.wait()
    data_dir = kafka.settings.data_dir
    (data_dir / "ports.json").unlink()
    again = EmbeddedKafka(Settings(data_dir=data_dir))
    again.format()
    try:
        again.start()
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(clients.reader(again.settings, "hub.admin", "t"))
        assert consumer.get_watermark_offsets(TopicPartition("kept", 0), timeout=20) == (0, 1)
        consumer.close()
    finally:
        again.stop()


@pytest.mark.destructive
def test_a_broker_that_outlived_its_hub_is_ended_and_replaced(kafka):
    """An orphan holds port and lock; the next start recognises it as its own and ends it."""
    kafka.start()
    orphan = kafka.process
    again = EmbeddedKafka(Settings(data_dir=kafka.settings.data_dir))
    try:
        again.start()
        assert again.process.pid != orphan.pid
        assert orphan.wait(5) is not None
    finally:
        again.stop()


def test_a_stale_pid_of_another_program_is_left_alone(kafka):
    """After a reboot the number in the pid file may be anybody's: here it is the test's own."""
    (kafka.settings.data_dir / "kafka" / "pid").write_text(str(os.getpid()), encoding="ascii")
    kafka.start()
    assert psutil.Process().is_running()


def test_a_taken_port_is_named_with_the_process_that_holds_it(kafka):
    """One sentence: the port, who has it, what to do; nothing was started."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", kafka.port))
        other.listen()
        with pytest.raises(
            StartError, match=rf"port {kafka.port}, wanted by Kafka, is taken by .*pid {os.getpid()}"
        ):
            kafka.start()
    assert kafka.process is None


def test_the_brokers_own_first_error_is_shown(kafka):
    """A broker that cannot start says why in one sentence, not `timed out`."""
    file = kafka.settings.data_dir / "kafka" / "server.properties"
    file.write_text(file.read_text(encoding="ascii").replace("node.id=1", "node.id=one"), encoding="ascii")
    with pytest.raises(StartError, match=r"kafka\.log: Kafka did not start: .*Invalid value one"):
        kafka.start()


def test_an_interrupted_format_is_done_again(tmp_path):
    """Half a storage, without the mark that the step ended, is wiped and made anew."""
    kafka = EmbeddedKafka(Settings(data_dir=tmp_path))
    half = tmp_path / "kafka" / "data"
    half.mkdir(parents=True)
    (half / "bootstrap.checkpoint").write_bytes(b"half")
    (tmp_path / "kafka" / "data.begun").touch()
    assert kafka.format()
    assert (half / "meta.properties").exists()
    assert (half / "bootstrap.checkpoint").read_bytes() != b"half"


def test_foreign_files_are_never_wiped(tmp_path):
    """Files that no interrupted step of ours can have made stop the start, and stay."""
    theirs = tmp_path / "postgres" / "data" / "letter.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("dear", encoding="ascii")
    with pytest.raises(StartError, match="holds files that this hub did not make"):
        EmbeddedPostgres(Settings(data_dir=tmp_path)).init()
    assert theirs.read_text(encoding="ascii") == "dear"


@pytest.mark.destructive
def test_a_killed_database_resumes_with_what_was_committed(postgres):
    """`kill -9` of the postmaster; its workers let go, and the next start recovers."""
    postgres.start()
    query(postgres, "CREATE TABLE kept AS SELECT 41 + 1 AS answer")
    postgres.process.send_signal(signal.SIGKILL)
    postgres.process.wait()
    postgres.start()
    assert query(postgres, "SELECT answer FROM kept") == (42,)


def test_a_stale_lock_file_of_the_database_does_not_stop_it(postgres):
    """The pid in postmaster.pid now is another program's: PostgreSQL alone would refuse to start."""
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        stale = Path(postgres.settings.data_dir / "postgres" / "data" / "postmaster.pid")
        stale.write_text(
            f"{other.pid}\n{stale.parent}\n1\n{postgres.port}\n\n127.0.0.1\n0 0\nready\n", encoding="utf-8"
        )
        postgres.start()
        assert query(postgres, "SELECT 1") == (1,)
        assert other.poll() is None
        other.kill()


def test_the_database_is_utf8_and_knows_its_letters(postgres):
    """Text of any script, the same on every machine: the built-in locale, not the system's."""
    postgres.start()
    assert query(postgres, "SELECT upper('şé'), length('سامانه'), current_setting('server_encoding')") == (
        "ŞÉ",
        6,
        "UTF8",
    )


def test_a_lost_password_is_said_in_one_sentence(postgres):
    """Secrets of another folder: the hub says that they do not fit, and where they lie."""
    (postgres.settings.data_dir / "secrets" / "postgres" / "hub").write_text("other\n", encoding="ascii")
    wrong = EmbeddedPostgres(Settings(data_dir=postgres.settings.data_dir))
    with pytest.raises(StartError, match="PostgreSQL refuses the hub's password"):
        wrong.start()
    assert wrong.process.poll() is not None


ENGINES_OF_NOBODY = """
import json, os, sys
from pathlib import Path
from hub.settings import Settings
from hub.store.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Settings(data_dir=Path(sys.argv[1])))
postgres.init()
postgres.start()
import psutil
print(json.dumps({"user": os.geteuid(), "server": psutil.Process(postgres.process.pid).uids().effective}))
postgres.stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_the_database_as_itself(tmp_path):
    """Without root there is no change of user and no need of one."""
    os.chown(tmp_path, 65534, 65534)
    # The interpreter may lie in a folder closed to this user, as the test's own folder does.
    nobody = child.User("nobody", 65534, 65534, enter_closed=True)
    command = [sys.executable, "-c", ENGINES_OF_NOBODY, str(tmp_path / "data")]
    process = child.spawn(command, folder=Path("/"), log=tmp_path / "log", user=nobody)
    said = (tmp_path / "log").read_text(encoding="utf-8") if process.wait(60) is not None else ""
    assert json.loads(said) == {"user": 65534, "server": 65534}


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL refuses root only")
def test_root_never_runs_the_database_and_no_folder_is_opened_for_it(postgres):
    """The server runs as another user though the folders above are closed to it; their modes stay."""
    above = postgres.settings.data_dir.parent
    above.chmod(0o700)
    postgres.start()
    assert psutil.Process(postgres.process.pid).uids().effective != 0
    assert above.stat().st_mode & 0o777 == 0o700
