"""Damage by the thousand: whatever is done to an input, it ends in a sentence (benchmarks/mutations.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mutations import READ, Ended, Seeds, read_all, read_by_command, read_in_process

FIXED, FEW, MANY, THROUGH_COMMANDS = 1, 40, 600, 30


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    return Seeds(tmp_path_factory.mktemp("seeds"))


def check(endings: list[Ended]) -> None:
    assert [one for one in endings if one.wrong] == []
    assert {one.kind for one in endings} <= set(READ)
    # Not all are refused, and not all are taken: damage that nobody notices would test nothing.
    assert 0.1 < sum(one.code == 2 for one in endings) / len(endings) < 0.9


def test_a_few_here(seeds: Seeds) -> None:
    check([read_in_process(seeds, number, FIXED) for number in range(FEW)])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_many_in_a_process_that_may_die(seeds: Seeds) -> None:
    check(list(read_all(range(MANY), 2, seeds)))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_some_through_the_real_command_line(seeds: Seeds) -> None:
    check([read_by_command(seeds, number, FIXED) for number in range(THROUGH_COMMANDS)])


def test_the_same_number_is_the_same_damage(seeds: Seeds, tmp_path: Path) -> None:
    first, again = (read_in_process(seeds, 7, FIXED) for _ in range(2))
    assert (first.kind, first.code) == (again.kind, again.code)


@pytest.mark.parametrize(
    ("code", "told", "wrong"),
    [
        (2, "loadverdict: a sentence", ""),
        (0, "", ""),
        (70, "loadverdict: unexpected KeyError", "exit code 70"),
        (None, "took too long", "exit code None"),
        (2, "", "no sentence"),
        (2, "Traceback (most recent call last):", "a traceback"),
        (2, "x" * 2000, "an overlong sentence"),
        (2, "\x1b[2J", "control characters"),
    ],
)
def test_what_counts_as_wrong(code: int | None, told: str, wrong: str) -> None:
    assert Ended(1, "scenarios", code, told, 0.1).wrong == wrong
