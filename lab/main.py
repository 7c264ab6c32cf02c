"""The lab from the command line: up, down, status, faults. Also `python -m lab.main`, without the suite."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

from lab.control import down, set_faults, status
from lab.errors import LabError
from lab.faults import FAULTS
from lab.processes import own_command, wait_for, with_this_package
from lab.settings import load_settings
from lab.startup import LOOPBACK
from lab.state import read_records, runtime_dir
from lab.supervisor import RunningLab, up

_CHECK_EVERY_S = 0.5
_DETACH_LIMIT_S = 120.0


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, 2 for a mistake of the caller or a lab that does not start, 3 for one that died."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(given, argparse.Namespace(given=given))
    try:
        code: int = options.run(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    return code


class _Once(argparse.Action):
    """Keeps the value of an option that is given once: of two, which one was meant?"""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not self.default:
            parser.error(f"{option_string} is given twice; say it once")
        setattr(namespace, self.dest, values)


class _Parser(argparse.ArgumentParser):
    """Its options are `_Once`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.register("action", None, _Once)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="loadverdict lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    start = commands.add_parser("up", help="start a lab; runs until Ctrl-C unless detached")
    start.add_argument("--port", type=int, help="port (default: a free one)")
    start.add_argument(
        "--host", default=LOOPBACK, help="address to listen on (default: 127.0.0.1; in a container 0.0.0.0)"
    )
    start.add_argument("--fault", default="case", help="faults joined by + (see `faults`; default: case)")
    start.add_argument("--settings", type=Path, help="YAML file with settings")
    start.add_argument("--state-dir", type=Path, help="empty folder for accounts and logs; removed at stop")
    start.add_argument("--detach", action="store_true", help="return once the lab answers")
    start.set_defaults(run=_up)
    stop = commands.add_parser("down", help="stop the lab, the one at a port, or all")
    stop.add_argument("--port", type=int)
    stop.add_argument("--all", action="store_true", help="where several run, stop all of them")
    stop.set_defaults(run=_down)
    show = commands.add_parser("status", help="which labs run, and how they are")
    show.add_argument("--port", type=int)
    show.set_defaults(run=_status)
    faults = commands.add_parser("faults", help="list the faults, or give them to a running lab")
    faults.add_argument("names", nargs="?", help="faults joined by +")
    faults.add_argument("--port", type=int)
    faults.set_defaults(run=_faults)
    return parser


def _up(options: argparse.Namespace) -> int:
    if options.detach:
        return _detach(options.given)
    settings = load_settings(options.settings, os.environ)
    # SIGINT too: a shell starts its background jobs with it ignored.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    try:
        with up(
            settings, options.fault, options.state_dir, options.port, on_progress=_say, host=options.host
        ) as lab:
            _say(f"{settings.accounts} accounts in {lab.accounts_path}")
            return _watch(lab)
    except KeyboardInterrupt:
        return 0


def _watch(lab: RunningLab) -> int:
    """Waits for Ctrl-C; ends by itself when a process of the lab is gone."""
    while not lab.dead():
        time.sleep(_CHECK_EVERY_S)
    print(f"lab: {', '.join(lab.dead())} ended unexpectedly; the lab stops.", file=sys.stderr)
    return 3


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _detach(given: list[str]) -> int:
    """Starts the same command without --detach in a session of its own, and waits for its state file."""
    command = own_command("lab.main", *(part for part in given if part != "--detach"))
    before = {record.processes["supervisor"] for record in read_records(runtime_dir())}
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            command,
            env=with_this_package(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

        def started() -> bool:
            now = {record.processes["supervisor"] for record in read_records(runtime_dir())}
            return child.poll() is not None or any(pid == child.pid for pid, _ in now - before)

        wait_for(started, _DETACH_LIMIT_S, 0.05)
        output.seek(0)
        print(output.read().decode(errors="replace"), end="")
    return child.poll() or 0


def _down(options: argparse.Namespace) -> int:
    if options.port is None and not options.all and len(found := status()) > 1:
        ports = ", ".join(str(lab.record.port) for lab in found)
        raise LabError(f"several labs run ({ports}): name one with --port, or stop all of them with --all.")
    stopped = down(options.port)
    _say(f"stopped: {', '.join(map(str, stopped))}" if stopped else "no lab was running")
    return 0


def _status(options: argparse.Namespace) -> int:
    found = status(options.port)
    for lab in found:
        state = "ok" if lab.ok else f"not well (dead: {', '.join(lab.dead) or 'none'}; health: {lab.health})"
        _say(f"{lab.record.url}  {state}")
        for line in (*lab.record.description, f"phase log {lab.record.phase_log}"):
            _say(f"  {line}")
    if not found:
        _say("no lab is running")
    return 0 if all(lab.ok for lab in found) else 3


def _faults(options: argparse.Namespace) -> int:
    if options.names is None:
        for fault in FAULTS.values():
            _say(f"{fault.name:<17} {fault.description}")
        return 0
    set_faults(options.names, options.port)
    _say(f"faults now: {options.names}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
