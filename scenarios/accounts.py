"""Accounts: lends users of this process their accounts, each account to one user at a time."""

from __future__ import annotations

import csv
import io
import os
import random
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recording.errors import UsageError
from recording.whole_file import whole_file

MOST_BYTES = 256 << 20
"""Several million accounts; a longer file is another one."""

Use = Literal["rotating", "own", "shared"]


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """One account. `slot` is its row in the file: the only thing about it that is ever recorded."""

    slot: int
    username: str
    password: str

    def __repr__(self) -> str:
        return f"Account(slot={self.slot})"


EXPECTED = "a CSV with the header username,password"

NOBODY = Account(-1, "", "")
"""Stands for no account, where a behaviour needs none."""


def read_accounts(path: Path) -> list[Account]:
    """Read a CSV with the header `username,password`; every value is kept as text.

    Raises:
        UsageError: missing file, wrong header, wrong number of columns, an empty or double user name.
    """
    where = f"accounts file {path}"
    try:
        text = whole_file(path, MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror}; expected {EXPECTED}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    if "\0" in text:
        raise UsageError(f"{where}: holds a NUL, which is no text; save the file as UTF-8")
    return _accounts(text, where)


def accounts_from_environment(variable: str) -> list[Account]:
    """The same, where the whole CSV is the value of an environment variable.

    Raises:
        UsageError: it is not set, or as for a file.
    """
    text = os.environ.get(variable)
    if not text:
        raise UsageError(f"environment variable {variable} is not set; expected {EXPECTED}")
    return _accounts(text, f"environment variable {variable}")


def is_open_to_all(path: Path) -> bool:
    """Whether everybody on this machine may read a file, as far as its own mode says."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _accounts(text: str, where: str) -> list[Account]:
    accounts: list[Account] = []
    seen: dict[str, int] = {}
    for line, row in _rows(text, where):
        if len(row) != 2 or not row[0] or not row[1]:
            raise UsageError(f"{where}, line {line}: expected a user name and a password")
        if row[0] in seen:
            raise UsageError(f"{where}, line {line}: same user name as in line {seen[row[0]]}")
        seen[row[0]] = line
        accounts.append(Account(len(accounts), *row))
    if not accounts:
        raise UsageError(f"{where}: holds no account")
    return accounts


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Every row below the header, and the line on which it begins. No message shows what a row holds."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        if [name.strip() for name in next(reader, [])] != ["username", "password"]:
            raise UsageError(f"{where}: the first line must be 'username,password'")
        line = reader.line_num + 1
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{where}, line {line}: not valid CSV: {error}") from error


class AccountPool:
    """The accounts of one load generating process.

    The accounts are shuffled by the seed first and then dealt out to the processes, so that every process,
    and every number of users, meets the same mix: otherwise "every sixth account is broken" would look
    like an effect of load.
    """

    def __init__(self, accounts: list[Account], use: Use, seed: int, node: int = 0, nodes: int = 1) -> None:
        shuffled = random.Random(seed).sample(accounts, len(accounts))
        self._use = use
        self._random = random.Random(seed * 1_000_003 + node)
        self._free = deque(shuffled[:1] if use == "shared" else shuffled[node::nodes] or shuffled)
        self.size = len(self._free)

    def lend(self) -> Account:
        """An account nobody else has, as long as there are any; after that accounts are shared."""
        if self._use == "shared":
            return self._free[0]
        if not self._free:
            raise UsageError(
                f"more users than the {self.size} accounts of this process; "
                "add accounts, or set 'accounts: shared'"
            )
        return self._free.popleft()

    def exchange(self, account: Account) -> Account:
        """What a user does between two turns: keep its account, or (rotating) hand it in for another."""
        if self._use != "rotating" or not self._free:
            return account
        # Back into a random place of the second half: nobody gets the same account again at once, and no
        # fixed cycle arises that could keep time with the load.
        self._free.insert(self._random.randint(len(self._free) // 2, len(self._free)), account)
        return self._free.popleft()

    def give_back(self, account: Account) -> None:
        """What a user does when it leaves."""
        if self._use != "shared":
            self._free.append(account)
