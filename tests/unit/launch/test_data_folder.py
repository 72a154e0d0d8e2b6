"""What guards a data folder: steps done once, one hub at a time, kept ports, free disk."""

from __future__ import annotations

import errno
import io
import os
import socket

import pytest
from rich.console import Console

from hub.errors import ConfigError, StartError
from hub.host import ports
from hub.host.once import disk_errors, once, require_space
from hub.launch.lock import only_hub
from hub.launch.up import Hub
from hub.settings import Settings


def test_a_step_is_done_once(tmp_path):
    """The second time there is nothing to do."""
    made = tmp_path / "made"
    with once(made, "proof") as first:
        made.mkdir()
        (made / "proof").touch()
    with once(made, "proof") as second:
        pass
    assert (first, second) == (True, False)


def test_what_an_interrupted_step_left_is_removed_before_it_is_done_again(tmp_path):
    """Only what lies in the step's own folder goes."""
    made, beside = tmp_path / "made", tmp_path / "beside"
    beside.touch()
    interrupted = once(made, "proof")
    interrupted.__enter__()
    made.mkdir()
    (made / "half").touch()
    assert not interrupted.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None), "it must not be swallowed"
    with once(made, "proof") as to_do:
        assert to_do
        assert not made.exists()
    assert beside.exists()


def test_a_finished_step_whose_files_are_gone_is_a_damaged_folder(tmp_path):
    """Lost data is said, never made anew in silence."""
    made = tmp_path / "made"
    with once(made, "proof"):
        made.mkdir()
    with pytest.raises(StartError, match="damaged: proof is missing"), once(made, "proof"):
        pass


def test_two_hubs_on_one_data_folder(tmp_path):
    """The second start says who holds the folder; after the first one's end the folder is free."""
    with only_hub(tmp_path):
        with pytest.raises(StartError, match=rf"already \(pid {os.getpid()}\)") as caught, only_hub(tmp_path):
            pass
        assert caught.value.exit_code == 1
    with only_hub(tmp_path):
        pass


def test_ports_are_kept_and_differ(tmp_path):
    """A restart has the same addresses; two parts never get the same port."""
    first, second = ports.kept(tmp_path, "kafka"), ports.kept(tmp_path, "postgres")
    assert first != second
    assert (first, second) == (ports.kept(tmp_path, "kafka"), ports.kept(tmp_path, "postgres"))
    assert ports.kept(tmp_path, "kafka", wanted=12_345) == 12_345


def test_a_broken_ports_file_is_one_sentence(tmp_path):
    """Half a file, such as a full disk leaves, names itself."""
    (tmp_path / "ports.json").write_text('{"kafka": ', encoding="ascii")
    with pytest.raises(StartError, match=r"ports\.json: this file is not a JSON object"):
        ports.kept(tmp_path, "kafka")


def test_a_taken_api_port_stops_the_start_before_anything_is_made(tmp_path):
    """Exit code 1: the machine is in the way, not the configuration; no engine's folder appears."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = Settings(data_dir=tmp_path / "data", min_free_mb=0, api={"port": port})
        with pytest.raises(
            StartError, match=rf"port {port}, wanted by the API, is taken by .*HUB_API__PORT"
        ) as caught:
            Hub(settings, Console(file=io.StringIO())).__enter__()
    assert caught.value.exit_code == 1
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["lock"]


def test_an_address_beyond_this_machine_is_refused(tmp_path):
    """Without sign-in the API stays on loopback; that is a wrong setting: exit code 2."""
    settings = Settings(data_dir=tmp_path, min_free_mb=0, api={"host": "0.0.0.0"})
    with pytest.raises(ConfigError, match="HUB_API__HOST") as caught:
        Hub(settings, Console(file=io.StringIO())).__enter__()
    assert caught.value.exit_code == 2


def test_a_full_disk_is_said_before_the_start(tmp_path):
    """How much there is, how much is wanted, what to do."""
    with pytest.raises(StartError, match=r"MiB free; the hub wants 999999999 MiB .*HUB_MIN_FREE_MB"):
        require_space(tmp_path / "not" / "yet", 999_999_999)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission denied"), (errno.EROFS, "read-only")],
)
def test_errors_of_the_disk_become_one_sentence(tmp_path, number, words):
    """They can come from any line that writes; none ends in a traceback."""
    with pytest.raises(StartError, match=words), disk_errors(tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "file"))


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path):
    """`--data-dir some.txt`."""
    (tmp_path / "some.txt").touch()
    with pytest.raises(StartError, match=r"some\.txt: this is not a folder"):
        Hub(Settings(data_dir=tmp_path / "some.txt"), Console(file=io.StringIO())).__enter__()
