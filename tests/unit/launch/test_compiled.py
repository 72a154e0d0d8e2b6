"""Hot modules run compiled only while they are what was compiled; as source they do the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub import compiled
from hub.launch import compiling

CHECKOUT = Path(__file__).parents[3]
SAY = "from hub.gate import decide; print(decide.__file__)"


@pytest.fixture
def installation(tmp_path, monkeypatch):
    """Return a folder in which nothing was compiled yet, and the modules' sources to change."""
    source = tmp_path / "source.py"
    source.write_text("x = 1\n")
    monkeypatch.setattr(compiled, "_FOLDER", tmp_path / "compiled")
    monkeypatch.setattr(compiled, "_TOLD", tmp_path / "compiled" / "source")
    monkeypatch.setattr(compiled, "sources", lambda: [source])
    monkeypatch.delenv("PEYVAND_COMPILED", raising=False)
    return tmp_path


def libraries(folder):
    """Return a folder of libraries as the compiler leaves them."""
    library = folder / "lib" / "hub" / "gate" / f"decide{compiled._SUFFIX}"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"machine code")
    return folder / "lib"


def run(code, **environment):
    """Run Python in a process of its own, in the checkout; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_changed_source_is_run_as_it_stands(installation, monkeypatch):
    """Nothing compiled, compiled, changed since, switched off: each says why."""
    assert compiled.why_not() == "they were not compiled here"
    compiled.put(libraries(installation))
    assert compiled.why_not() is None
    assert (installation / "compiled" / f"hub.gate.decide{compiled._SUFFIX}").read_bytes() == b"machine code"
    (installation / "source.py").write_text("x = 2\n")
    assert compiled.why_not() == "their source is not the one that was compiled"
    monkeypatch.setenv("PEYVAND_COMPILED", "0")
    assert compiled.why_not() == "PEYVAND_COMPILED is 0"


def test_compiling_again_replaces_what_was_there(installation):
    """A library that is not made any more is gone."""
    fresh = libraries(installation)
    compiled.put(fresh)
    (installation / "compiled" / "old.so").touch()
    compiled.put(fresh)
    assert compiled.why_not() is None
    assert not (installation / "compiled" / "old.so").exists()


def test_what_is_compiled_is_found_before_its_source():
    """Only where it was compiled; `PEYVAND_COMPILED=0` has the source run."""
    assert run(SAY, PEYVAND_COMPILED="0") == str(CHECKOUT / "hub/gate/decide.py")
    if compiled.why_not() is None:
        assert run(SAY, PEYVAND_COMPILED="").startswith(str(CHECKOUT / "hub/_compiled/hub.gate.decide"))


def test_without_a_compiler_it_says_so_and_goes_on(installation, monkeypatch, capsys):
    """`make` must not fail for it; what is compiled already needs none."""
    monkeypatch.setenv("CC", "no-such-compiler")
    assert compiling.main() == 0
    assert "there is no C compiler (no-such-compiler)" in capsys.readouterr().out
    compiled.put(libraries(installation))
    assert compiling.main() == 0
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("installation")
def test_a_source_that_does_not_compile_is_run_as_it_stands(monkeypatch, capsys):
    """The compiler's words are shown, and nothing is put beside the package."""
    if compiling.missing() is not None:
        pytest.skip(compiling.missing())

    def refuse(_):
        sys.stdout.write("error: no")
        sys.exit(1)

    monkeypatch.setattr(compiling, "compile_modules", refuse)
    assert compiling.main() == 0
    said = capsys.readouterr()
    assert "error: no" in said.err
    assert "more slowly" in said.out
    assert compiled.why_not() == "they were not compiled here"


@pytest.mark.slow
@pytest.mark.skipif(compiled.why_not() is not None, reason="not compiled: every test runs the source already")
def test_as_source_the_same_tests_pass():
    """Contracts, gate and audit once more, as they run where there is no compiler."""
    tests = [f"tests/unit/{room}" for room in ("contracts", "gate", "audit")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=CHECKOUT,
        env={**os.environ, "PEYVAND_COMPILED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
