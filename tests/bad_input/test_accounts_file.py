"""Accounts CSV: every value is text, whatever it looks like; a bad file is a sentence that shows no value.

What becomes of the accounts afterwards: tests/scenarios/test_accounts.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from scenarios.accounts import read_accounts
from tests.bad_input.told import told

HEADER = "username,password\n"

BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "the first line must be 'username,password'"),
    "another header": ("user,pass\na,hush\n", "the first line must be"),
    "no header": ("a,hush\nb,hush2\n", "the first line must be"),
    "a third column": ("username,password,role\na,hush,admin\n", "the first line must be"),
    "a column twice": ("username,username\na,hush\n", "the first line must be"),
    "semicolons": ("username;password\na;hush\n", "the first line must be"),
    "UTF-16": ((HEADER + "a,hush\n").encode("utf-16"), "byte 0 is not UTF-8"),
    "Latin-1": (HEADER.encode() + "ä,hush\n".encode("latin-1"), "byte 18 is not UTF-8; save the file as"),
    "header only": (HEADER, "holds no account"),
    "blank lines only": (HEADER + "\n\n", "line 2: expected a user name and a password"),
    "missing column": (HEADER + "a\n", "line 2: expected a user name and a password"),
    "extra column": (HEADER + "a,hush,c\n", "line 2: expected"),
    "empty password": (HEADER + "a,\n", "line 2: expected"),
    "empty user": (HEADER + ",hush\n", "line 2: expected"),
    "duplicate user": (HEADER + "a,hush\na,hush2\n", "line 3: same user name as in line 2"),
    "open quote": (HEADER + 'a,hush\n"b,hush2\n', "line 3: not valid CSV"),
    "quote in the middle": (HEADER + '"a"b,hush\n', "line 2: not valid CSV"),
    "NUL": (HEADER + "a,hu\0sh\n", "holds a NUL"),
    "a field without end": (HEADER + "a," + "hush" * 40_000, "line 2: not valid CSV"),
    "the line after one of three lines": (HEADER + '"a\nb\nc",hush\nd\n', "line 5: expected"),
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_file_is_one_sentence_without_a_value_of_it(tmp_path: Path, row: str) -> None:
    text, expected = BAD[row]
    path = tmp_path / "accounts.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = told(lambda: read_accounts(path))
    found.check(2, f"accounts file {path}", expected)
    assert len(found.text.splitlines()) == 1
    assert "hush" not in found.text


KEPT = [
    ("NA", "007"),
    ("null", "1e400"),
    ("a\nb", 'say "hi", then'),
    (" c ", "=cmd|' /C calc'!A0"),
    ("ü", "+1"),
]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_values_stay_as_they_are(tmp_path: Path, mark: str, end: str) -> None:
    path = tmp_path / "accounts.csv"
    rows = ["NA,007", "null,1e400", '"a\nb","say ""hi"", then"', " c ,=cmd|' /C calc'!A0", "ü,+1"]
    path.write_bytes((mark + HEADER.strip() + end + end.join(rows)).encode())
    assert [(account.username, account.password) for account in read_accounts(path)] == KEPT


@pytest.mark.parametrize("name", ["missing", "a folder", "a pipe", "a device", "a loop of links"])
def test_a_path_that_is_no_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "accounts.csv"
    if name == "a folder":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a device":
        path.symlink_to("/dev/zero")
    elif name == "a loop of links":
        path.symlink_to(path)
    told(lambda: read_accounts(path)).check(2, str(path), "expected a CSV with the header username,password")


def test_a_name_that_no_file_can_have() -> None:
    told(lambda: read_accounts(Path("a\0b"))).check(2, "cannot hold a NUL")


@pytest.mark.slow
def test_a_million_accounts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(HEADER + "".join(f"user{i},pass-word-{i}\n" for i in range(1_000_000)))
    began_s = time.monotonic()
    assert len(read_accounts(path)) == 1_000_000
    assert time.monotonic() - began_s < 60
