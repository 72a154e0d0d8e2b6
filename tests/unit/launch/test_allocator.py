"""The hub's own processes get mimalloc where its wheel is installed, and go without wherever they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from hub.launch import allocator
from hub.launch.allocator import PRELOAD, allocator_environment
from hub.launch.processes import process_parts
from hub.settings import Settings

MAPPED = "print('libmimalloc' in open('/proc/self/maps').read())"


@pytest.fixture(autouse=True)
def nothing_preloaded(monkeypatch):
    """Whatever the tests themselves run under."""
    monkeypatch.delenv(PRELOAD, raising=False)


class Wheel:
    """An installed wheel whose library lies in a folder."""

    def __init__(self, folder):
        self.library = folder / "libmimalloc.so"
        folder.mkdir()
        self.library.touch()

    def locate_file(self, _):
        return self.library


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel is locked for Linux alone")
def test_a_process_has_it_mapped_and_says_nothing_about_it(tmp_path):
    """What `hub up` starts a process with makes the dynamic linker take the library, without a word."""
    environment = process_parts(Settings(data_dir=tmp_path), tmp_path)[0]._environment
    command = [sys.executable, "-c", MAPPED]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "True\n", "")


def test_who_preloads_something_is_left_alone(monkeypatch):
    """Also by an empty `LD_PRELOAD=`, which keeps the system's allocator."""
    monkeypatch.setenv(PRELOAD, "")
    assert allocator_environment() == {}


def test_without_the_wheel_there_is_none(monkeypatch, tmp_path):
    """Not installed, or installed without its library."""

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(allocator, "distribution", missing)
    assert allocator_environment() == {}
    wheel = Wheel(tmp_path / "wheel")
    wheel.library.unlink()
    monkeypatch.setattr(allocator, "distribution", lambda _: wheel)
    assert allocator_environment() == {}


@pytest.mark.parametrize("name", ["two words", "a:b", "tab\tbed"])
def test_a_folder_that_the_linker_cannot_be_told_of(monkeypatch, tmp_path, name):
    """Its list of files is separated by what is in the name; elsewhere, Persian too, it is taken."""
    monkeypatch.setattr(allocator, "distribution", lambda _: Wheel(tmp_path / name))
    assert allocator_environment() == {}
    named = Wheel(tmp_path / "پیوند")
    monkeypatch.setattr(allocator, "distribution", lambda _: named)
    assert allocator_environment() == {PRELOAD: os.fspath(named.library)}
