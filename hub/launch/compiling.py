"""Compile the hot modules for this Python: `python -m hub.launch.compiling`, which `make` calls.

It wants a C compiler and Python's headers (Debian: gcc, python3-dev). Without them, or where compiling fails,
it says so and ends well: the hub then runs the same source, more slowly.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from hub import compiled


def missing() -> str | None:
    """Return what this machine lacks to compile, or None."""
    command = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(command) is None:
        return f"there is no C compiler ({command})"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "Python's headers are not installed"
    try:
        import mypyc.build  # noqa: F401, PLC0415 - only who compiles needs it
        import setuptools  # noqa: F401, PLC0415
    except ImportError as error:
        return f"{error.name} is not installed"
    return None


def compile_modules(folder: Path) -> None:
    """Compile into the package, by way of an empty folder.

    Raises SystemExit where mypy or the compiler refuses the source, OSError where the package is read-only.
    """
    from mypyc.build import mypycify  # noqa: PLC0415
    from setuptools import Distribution  # noqa: PLC0415

    root = compiled.PACKAGE.parent
    flags = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports", f"--cache-dir={folder}"]
    with contextlib.chdir(root):
        sources = [str(each.relative_to(root)) for each in compiled.sources()]
        modules = mypycify([*flags, *sources], group_name=compiled.GROUP, target_dir=str(folder / "c"))
        distribution = Distribution({"name": compiled.GROUP, "ext_modules": modules})
        build = distribution.get_command_obj("build_ext")
        build.build_lib, build.build_temp = str(folder / "lib"), str(folder / "objects")
        build.ensure_finalized()
        build.run()
    compiled.put(folder / "lib")


def main() -> int:
    """Compile unless it was done; return 0 also where the machine cannot."""
    if compiled.why_not() is None:
        return 0
    lacks = missing()
    if lacks is not None:
        print(f"hot modules are not compiled: {lacks}. The hub runs them as Python source, more slowly.")
        return 0
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                compile_modules(Path(folder))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the source runs without
            print(said.getvalue(), error, sep="\n", file=sys.stderr)
            print("hot modules are not compiled, see above. The hub runs them as Python source, more slowly.")
            return 0
    print(f"compiled {len(compiled.MODULES)} hot modules.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
