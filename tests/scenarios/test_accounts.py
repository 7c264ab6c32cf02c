"""Accounts: nobody shares one unless told to, and every process meets the same mix.

Files that are none: tests/bad_input/test_accounts_file.py.
"""

from pathlib import Path

import pytest

from recording.errors import UsageError
from scenarios.accounts import Account, AccountPool, read_accounts

MANY = [Account(i, f"user{i}", f"password{i}") for i in range(240)]


@pytest.mark.parametrize("use", ["rotating", "own"])
def test_no_two_users_have_the_same_account(use: str) -> None:
    pool = AccountPool(MANY, use, seed=1)  # type: ignore[arg-type]
    held = [pool.lend() for _ in range(50)]
    for _ in range(500):
        held = [pool.exchange(account) for account in held]
        assert len({account.slot for account in held}) == 50


def test_rotating_users_meet_all_accounts_about_as_often() -> None:
    pool = AccountPool(MANY, "rotating", seed=1)
    account, seen = pool.lend(), [0] * len(MANY)
    for _ in range(240 * 20):
        seen[account.slot] += 1
        account = pool.exchange(account)
    assert min(seen) > 0
    assert max(seen) < 3 * 20


def test_own_accounts_stay() -> None:
    pool = AccountPool(MANY, "own", seed=1)
    account = pool.lend()
    assert pool.exchange(account) is account


def test_shared_means_one_for_all() -> None:
    pool = AccountPool(MANY, "shared", seed=1)
    assert len({pool.exchange(pool.lend()).slot for _ in range(20)}) == 1


def test_processes_share_nothing_and_meet_the_same_mix() -> None:
    parts = [AccountPool(MANY, "own", seed=3, node=n, nodes=2) for n in range(2)]
    slots = [{pool.lend().slot for _ in range(120)} for pool in parts]
    assert not slots[0] & slots[1]
    # Every sixth account is broken: dealing them out in file order would give one process all of them.
    broken = [sum(slot % 6 == 0 for slot in part) for part in slots]
    assert sum(broken) == 40
    assert min(broken) >= 12


def test_too_many_users_are_a_clear_error() -> None:
    pool = AccountPool(MANY[:2], "own", seed=1)
    pool.lend()
    pool.lend()
    with pytest.raises(UsageError, match="more users than the 2 accounts"):
        pool.lend()


def test_values_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text('username,password\nNA,007\nnull,"a,b\nc"\n=cmd,1e400\n')
    read = read_accounts(path)
    assert [(a.username, a.password) for a in read] == [("NA", "007"), ("null", "a,b\nc"), ("=cmd", "1e400")]


def test_a_password_never_shows_in_a_repr() -> None:
    assert "password1" not in repr(MANY[1])
