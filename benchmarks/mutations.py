"""Mutations: thousands of damaged inputs, read as the command line reads them. Each must end in a sentence.

    python -m benchmarks.mutations                        10,000 of them, read in a process beside this one
    python -m benchmarks.mutations --count 300 --cli      through the real command line, one process each

Inputs are the run folders of `benchmarks.small_runs`, the files of other tools in tests/golden/foreign, and
the configuration that is shipped. What is wrong: an exit code that no document names, a traceback, no
sentence, an overlong one, a process that dies, takes too long or too much memory. The same seed gives the
same damage. Exits with 1 if anything was wrong, and names each case: `--seed S --only N` does it again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.damage import ANY, TO_LOGS
from benchmarks.small_runs import write_small_runs
from commands.boundary import guarded

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = ROOT / "tests" / "golden" / "foreign"
DOCUMENTED = frozenset(range(7))
LONGEST_S = 20.0
LONGEST_LINE = 1_000
"""Characters: what a terminal can show at once."""
MEMORY_BYTES = 3 << 30
ACCOUNTS = "username,password\n" + "".join(f"user{i},pass-word-{i}\n" for i in range(40))


@dataclass(frozen=True, slots=True)
class Ended:
    """How the reading of one input ended.

    Attributes:
        number: of the case.
        kind: of the input.
        code: exit code; None if the process died or was killed.
        told: standard error, or how the process ended.
        took_s: seconds.
    """

    number: int
    kind: str
    code: int | None
    told: str
    took_s: float

    @property
    def wrong(self) -> str:
        """What is wrong with it; "" if nothing is."""
        lines = self.told.strip().splitlines()
        if self.code not in DOCUMENTED:
            return f"exit code {self.code}"
        if "Traceback" in self.told:
            return "a traceback"
        if self.code and not lines:
            return "no sentence"
        if any(len(line) > LONGEST_LINE for line in lines):
            return "an overlong sentence"
        if any(not char.isprintable() for line in lines for char in line):
            return "control characters"
        return ""


# What reads an input of each kind, as the commands do.


def _verdict(path: Path) -> int:
    """As `diagnose` and `gate`, without pictures."""
    from analysis.gate import gate_code
    from analysis.render.wording import clean
    from commands.diagnose import show, write_diagnosis

    diagnosis = write_diagnosis(path, path.parent / "out", draw=False)
    show(diagnosis, as_json=False)
    code = gate_code(diagnosis.verdict)
    if code:
        print(clean(diagnosis.verdict.sentence, LONGEST_LINE), file=sys.stderr)
    return code


def _scenario(path: Path) -> None:
    """As `run --dry-run`, without the picture."""
    from commands.dry_run import plan_lines
    from scenarios.scenario import load_scenario
    from scenarios.target import load_target

    scenario, target = load_scenario(str(path)), load_target("lab")
    target.check_against(scenario)
    scenario.fingerprint()
    plan_lines(scenario, target)


def _target(path: Path) -> None:
    from scenarios.scenario import load_scenario
    from scenarios.target import load_target

    target = load_target(str(path))
    target.check_against(load_scenario("steps"))
    target.check_allowed()


def _behaviour(path: Path) -> None:
    from scenarios.behaviour import content_of, load_behaviour

    load_behaviour(str(path))
    content_of(str(path))


def _experiment(path: Path) -> None:
    from scenarios.experiment import arms_of, load_experiment
    from scenarios.scenario import load_scenario

    arms_of(load_scenario("steps"), load_experiment(str(path))[0], None)


def _probe(path: Path) -> None:
    from recording.probes.spec import Probe
    from scenarios.config import CONFIG_DIR, load_named

    load_named(Probe, str(path), "probes", CONFIG_DIR)[0].lacking()


def _suspects(path: Path) -> None:
    from analysis.suspects import load_suspects

    load_suspects(path)


def _accounts(path: Path) -> None:
    from scenarios.accounts import read_accounts

    read_accounts(path)


Read = Callable[[Path], int | None]
READ: dict[str, Read] = {
    "run folder": _verdict,
    "result file": _verdict,
    "scenarios": _scenario,
    "targets": _target,
    "behaviours": _behaviour,
    "experiments": _experiment,
    "probes": _probe,
    "suspects": _suspects,
    "accounts": _accounts,
}
SHARES = {"run folder": 4, "result file": 4, "scenarios": 3, "targets": 2, "behaviours": 2, "experiments": 1,
          "probes": 1, "suspects": 1, "accounts": 2}  # fmt: skip
"""Of twenty cases, by kind."""

COMMANDS: dict[str, tuple[str, ...]] = {
    "run folder": ("gate", "{path}"),
    "result file": ("gate", "{path}"),
    "scenarios": ("run", "{path}", "--dry-run"),
    "targets": ("run", "steps", "--target", "{path}", "--dry-run"),
}
"""Real commands that read such an input and send nothing."""


class Seeds:
    """The whole inputs that are damaged, by kind."""

    def __init__(self, folder: Path) -> None:
        accounts = folder / "accounts.csv"
        accounts.write_text(ACCOUNTS)
        self.by_kind: dict[str, list[Path]] = {
            "run folder": write_small_runs(folder / "runs", seed=1),
            "result file": sorted(path for path in FOREIGN.iterdir() if path.suffix != ".md"),
            "suspects": [ROOT / "config" / "suspects.yaml"],
            "accounts": [accounts],
        }
        for kind in ("scenarios", "targets", "behaviours", "experiments", "probes"):
            self.by_kind[kind] = sorted((ROOT / "config" / kind).glob("*.yaml"))

    def damaged(self, kind: str, into: Path, chance: random.Random) -> Path:
        """A copy of one of them with damage; `into` is an empty folder."""
        seed = chance.choice(self.by_kind[kind])
        copy = into / seed.name
        if seed.is_dir():
            shutil.copytree(seed, copy)
            _damage_folder(copy, chance)
        else:
            copy.write_bytes(_damaged(seed, seed.read_bytes(), chance))
        return copy


def _damaged(path: Path, data: bytes, chance: random.Random) -> bytes:
    known = TO_LOGS if path.suffix == ".log" else ANY
    for _ in range(chance.choice((1, 1, 1, 2))):
        data = chance.choice(known)(data, chance)
    return data


def _damage_folder(folder: Path, chance: random.Random) -> None:
    """One to three of its files are damaged, missing, another's content, or no file at all."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in chance.sample(files, chance.choice((1, 1, 2, 3))):
        way = chance.randrange(12)
        content = path.read_bytes()
        if way > 3:
            path.write_bytes(_damaged(path, content, chance))
            continue
        other = chance.choice(files)
        path.unlink()
        if way == 1:
            path.mkdir()
        elif way == 2:
            path.symlink_to(path.name)
        elif way == 3 and other.is_file():
            path.write_bytes(other.read_bytes())


def kind_of(chance: random.Random, kinds: Sequence[str]) -> str:
    """The kind of one case."""
    return chance.choices(kinds, [SHARES[kind] for kind in kinds])[0]


def read_in_process(seeds: Seeds, number: int, seed: int) -> Ended:
    """Damage one input and read it here."""
    chance = random.Random(f"{seed} {number}")
    kind = kind_of(chance, tuple(READ))
    errors, code = io.StringIO(), 0
    with tempfile.TemporaryDirectory() as folder:
        path = seeds.damaged(kind, Path(folder), chance)
        began_s = time.perf_counter()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            try:
                guarded(lambda: sys.exit(READ[kind](path)))
            except SystemExit as ended:
                code = int(ended.code or 0)
        took_s = time.perf_counter() - began_s
    return Ended(number, kind, code, errors.getvalue(), took_s)


def read_by_command(seeds: Seeds, number: int, seed: int) -> Ended:
    """Damage one input and give it to the real command line."""
    chance = random.Random(f"{seed} {number}")
    kind = kind_of(chance, tuple(COMMANDS))
    with tempfile.TemporaryDirectory() as folder:
        path = seeds.damaged(kind, Path(folder), chance)
        words = [word.format(path=path) for word in COMMANDS[kind]]
        began_s = time.perf_counter()
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "commands.main", *words],
                cwd=folder,
                env=env,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=LONGEST_S,
            )
        except subprocess.TimeoutExpired:
            return Ended(number, kind, None, "took too long", LONGEST_S)
        # A gate that is closed says so on standard output.
        told = done.stderr or (done.stdout.strip().splitlines() or [""])[-1]
        return Ended(number, kind, done.returncode, told, time.perf_counter() - began_s)


class Reader:
    """A process that reads inputs one by one; begun anew when it dies or takes too long."""

    def __init__(self, seeds: Seeds, seed: int) -> None:
        self._seeds, self._seed = seeds, seed
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._seeds, self._seed), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def read(self, number: int) -> Ended:
        """Read one; never raises, whatever becomes of the process."""
        self._pipe.send(number)
        try:
            if self._pipe.poll(LONGEST_S):
                ended: Ended = self._pipe.recv()
                return ended
            told = "took too long"
        except EOFError:
            self._process.join()
            told = f"the process died with {self._process.exitcode}"
        self.close()
        self._begin()
        kind = kind_of(random.Random(f"{self._seed} {number}"), tuple(READ))
        return Ended(number, kind, None, told, LONGEST_S)

    def peak_bytes(self) -> int:
        """The most memory that the process of now has had."""
        self._pipe.send(None)
        return int(self._pipe.recv())

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, seeds: Seeds, seed: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    pipe.send(True)
    while True:
        number = pipe.recv()
        if number is None:
            pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        else:
            pipe.send(read_in_process(seeds, number, seed))


def read_all(numbers: Sequence[int], seed: int, seeds: Seeds) -> Iterator[Ended]:
    """Read every case in a process beside this one; at the end say what memory it took."""
    reader = Reader(seeds, seed)
    try:
        for number in numbers:
            yield reader.read(number)
        print(f"peak memory of the reading process: {reader.peak_bytes() / 1e6:.0f} MB")
    finally:
        reader.close()


def tell(endings: Sequence[Ended]) -> int:
    """Print what came of them; returns how many were wrong."""
    print("kind | read | exit codes | slowest s")
    print("---|---|---|---")
    for kind in sorted({one.kind for one in endings}):
        mine = [one for one in endings if one.kind == kind]
        codes = Counter(one.code for one in mine)
        shown = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items(), key=str))
        print(f"{kind} | {len(mine)} | {shown} | {max(one.took_s for one in mine):.2f}")
    bad = [one for one in endings if one.wrong]
    for one in bad[:40]:
        print(f"WRONG case {one.number} ({one.kind}): {one.wrong}: {one.told.strip()[-400:]}")
    tracebacks = sum("traceback" in one.wrong or one.code == 70 for one in endings)
    died = sum(one.code is None for one in endings)
    print(f"{len(endings):,} inputs, {tracebacks} tracebacks, {died} died or hung, {len(bad)} wrong in all")
    return len(bad)


def main(arguments: Sequence[str] | None = None) -> int:
    """Damage, read, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="N", help="this case alone, with its input kept")
    parser.add_argument("--cli", action="store_true", help="through the real command line")
    options: Any = parser.parse_args(arguments)
    numbers = range(options.count) if options.only is None else [options.only]
    with tempfile.TemporaryDirectory() as folder:
        seeds = Seeds(Path(folder))
        if options.cli:
            endings = [read_by_command(seeds, number, options.seed) for number in numbers]
        else:
            endings = list(read_all(numbers, options.seed, seeds))
    if options.only is not None:
        print(endings[0])
    return 1 if tell(endings) else 0


if __name__ == "__main__":
    sys.exit(main())
