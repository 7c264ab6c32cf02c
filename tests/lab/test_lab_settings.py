"""Where settings come from, and what is said about those that do not fit."""

from pathlib import Path

import pytest

from lab import LabError, LabSettings, load_settings


def test_the_defaults_are_the_case() -> None:
    found = LabSettings()
    assert (found.pool_size, found.pool_timeout_s, found.pool_idle_timeout_s) == (10, 5.0, 300.0)
    assert (found.bcrypt_cost, found.bcrypt_mode, found.lock_timeout_ms) == (12, "blocking", 50.0)
    assert found.cache_enabled
    assert found.lock_enabled
    assert found.accounts == 240


def test_arguments_win_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("pool_size: 5\nregion: far\ncache_enabled: no\n")
    found = load_settings(
        file, {"LAB_POOL_SIZE": "6", "LAB_BCRYPT_COST": "10", "PATH": "/"}, {"bcrypt_cost": 11}
    )
    assert (found.pool_size, found.region, found.cache_enabled, found.bcrypt_cost) == (6, "far", False, 11)
    assert found.asked_for() == {"bcrypt_cost": 11, "cache_enabled": False, "pool_size": 6, "region": "far"}


@pytest.mark.parametrize("value", ["0", "none", ""])
def test_no_lock_timeout_can_be_said_in_three_ways(value: str) -> None:
    assert load_settings(environment={"LAB_LOCK_TIMEOUT_MS": value}).lock_timeout_ms is None


def test_addresses_of_servers_are_no_settings() -> None:
    environment = {"LAB_POSTGRES_URL": "x", "LAB_VALKEY_URL": "y", "LAB_STATE_DIR": "z"}
    assert load_settings(environment=environment) == LabSettings()


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("LAB_POOLSIZE", "no lab setting LAB_POOLSIZE; did you mean LAB_POOL_SIZE"),
        ("LAB_POSTGRES_URI", "did you mean LAB_POSTGRES_URL"),
        ("LAB_QQQQQQQQ", "allowed: LAB_ACCOUNTS"),
    ],
)
def test_unknown_variables_are_refused_with_the_nearest_name(variable: str, expected: str) -> None:
    with pytest.raises(LabError, match=expected):
        load_settings(environment={variable: "1"})


def test_every_mistake_is_reported_with_its_source() -> None:
    with pytest.raises(LabError) as error:
        load_settings(
            environment={"LAB_POOL_SIZE": "none", "LAB_BCRYPT_MODE": "async"}, arguments={"accounts": 3}
        )
    text = str(error.value)
    assert "environment: pool_size = 'none'" in text
    assert "'blocking' or 'worker_pool'" in text
    assert "arguments: accounts = 3" in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("pool_sise: 3", "did you mean pool_size"),
        ("- 1", "expected `name: value` lines"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_settings_file_with_mistakes(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(content)
    with pytest.raises(LabError, match=expected):
        load_settings(file)


def test_a_settings_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml")


def test_the_token_secret_is_never_shown() -> None:
    secret = "short but secret"
    with pytest.raises(LabError) as error:
        load_settings(environment={"LAB_TOKEN_SECRET": secret})
    assert secret not in str(error.value)
    assert "secret_value" not in repr(LabSettings(token_secret="secret_value" * 4))
