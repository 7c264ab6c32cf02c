"""Accounts and their hashes: different for everybody, the same for a seed, verified by bcrypt itself."""

import csv
import stat
from pathlib import Path

import bcrypt
import pytest

from lab import LabSettings
from lab.accounts import broken_numbers, make_accounts, write_accounts
from lab.hashes import SHIPPED_COSTS, hashes_for


def silent(_text: str) -> None:
    return None


def test_everybody_has_a_name_and_password_of_their_own() -> None:
    accounts = make_accounts(1, 240)
    assert (
        len({account.username for account in accounts})
        == len({account.password for account in accounts})
        == 240
    )
    assert accounts == make_accounts(1, 240)
    assert accounts[0].password != make_accounts(2, 1)[0].password


@pytest.mark.parametrize("cost", [4, *SHIPPED_COSTS])
def test_hashes_belong_to_the_passwords_at_the_cost(cost: int) -> None:
    settings = LabSettings(bcrypt_cost=cost)
    accounts, hashes = make_accounts(settings.seed, settings.accounts), hashes_for(settings, silent)
    assert len(set(hashes)) == 240
    assert all(hashed.startswith(f"$2b${cost:02d}$") for hashed in hashes)
    for number in (0, 117, 239):
        assert bcrypt.checkpw(accounts[number].password.encode(), hashes[number].encode())
    assert not bcrypt.checkpw(accounts[0].password.encode(), hashes[1].encode())


def test_other_hashes_are_computed_with_progress_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("lab.hashes.CACHED_FROM_COST", 5)
    said: list[str] = []
    settings = LabSettings(bcrypt_cost=5, seed=7)
    first = hashes_for(settings, said.append)
    assert said[-1].endswith("240 of 240")
    (kept,) = tmp_path.rglob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    said.clear()
    assert hashes_for(settings, said.append) == first
    assert said == []


def test_one_in_six_is_broken_and_the_seed_says_which() -> None:
    settings = LabSettings(broken_hash_ratio=1 / 6)
    assert len(broken_numbers(settings)) == 40
    assert broken_numbers(settings) == broken_numbers(settings)
    assert broken_numbers(settings) != broken_numbers(LabSettings(broken_hash_ratio=1 / 6, seed=1))
    assert broken_numbers(LabSettings()) == frozenset()


def test_the_accounts_file_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    write_accounts(make_accounts(1, 200), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["username", "password"]
    assert len(rows) == 200
