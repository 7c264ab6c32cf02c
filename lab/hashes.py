"""bcrypt hashes of the accounts: shipped for the usual costs, else computed once and kept.

A hash costs as much to make as to verify (a quarter of a second at cost 12), there is no honest way around
it. So `seed_hashes.json` holds those of the default accounts at the costs that people compare; everything
else is computed on all cores (bcrypt lets go of the interpreter lock) and kept in the user's cache folder.
Salts come from the seed, so the same input always gives the same hash. Regenerate the file with
`python -m lab.hashes`; tests/lab/test_hashes.py verifies it with bcrypt itself.
"""

import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import bcrypt

from lab.accounts import Account, derive, make_accounts
from lab.settings import LabSettings

SHIPPED = Path(__file__).with_name("seed_hashes.json")
SHIPPED_COSTS = (10, 11, 12)
CACHED_FROM_COST = 9  # below, computing all takes about a second
_BCRYPT_ALPHABET = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def hashes_for(settings: LabSettings, on_progress: Callable[[str], None]) -> list[str]:
    """One bcrypt hash per account, in order, at the cost of the settings.

    Takes milliseconds for shipped or kept ones; else 240 accounts cost 240 x 2**cost rounds once.
    """
    kept = _shipped(settings) or _kept(settings)
    if kept is not None:
        return kept[: settings.accounts]
    found = _compute(settings, on_progress)
    if settings.bcrypt_cost >= CACHED_FROM_COST:
        # A home that cannot be written to (nobody's, a container's) only costs the time again.
        with suppress(OSError):
            _keep(settings, found)
    return found


def _shipped(settings: LabSettings) -> list[str] | None:
    if settings.seed != LabSettings.model_fields["seed"].default or settings.bcrypt_cost not in SHIPPED_COSTS:
        return None
    found: list[str] = json.loads(SHIPPED.read_text(encoding="ascii"))[str(settings.bcrypt_cost)]
    return found if len(found) >= settings.accounts else None


def _kept_file(settings: LabSettings) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = f"hashes-{settings.bcrypt_cost}-{settings.seed}.json"
    return Path(base).expanduser() / "loadverdict-lab" / name


def _kept(settings: LabSettings) -> list[str] | None:
    try:
        found = json.loads(_kept_file(settings).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, list) and len(found) >= settings.accounts else None


def _keep(settings: LabSettings, hashes: list[str]) -> None:
    file = _kept_file(settings)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes files with mode 0600; the rename shows other processes all or nothing.
    descriptor, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        json.dump(hashes, stream, indent=0)
    Path(name).replace(file)


def _compute(settings: LabSettings, on_progress: Callable[[str], None]) -> list[str]:
    accounts = make_accounts(settings.seed, settings.accounts)
    found: list[str] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for hashed in pool.map(lambda account: _hash(account, settings), accounts):
            found.append(hashed)
            if settings.bcrypt_cost >= CACHED_FROM_COST and len(found) % 24 == 0:
                on_progress(
                    f"hashing passwords at bcrypt cost {settings.bcrypt_cost} (once): "
                    f"{len(found)} of {len(accounts)}"
                )
    return found


def _hash(account: Account, settings: LabSettings) -> str:
    salt = derive(settings.seed, "salt", account.user_id)
    # 22 characters of bcrypt's own base 64; the last one carries two bits only.
    text = bytes(_BCRYPT_ALPHABET[byte % 64] for byte in salt[:21]) + bytes(
        [_BCRYPT_ALPHABET[salt[21] % 4 * 16]]
    )
    return bcrypt.hashpw(account.password.encode(), b"$2b$%02d$%s" % (settings.bcrypt_cost, text)).decode(
        "ascii"
    )


def _regenerate() -> None:
    made = {}
    for cost in SHIPPED_COSTS:
        made[str(cost)] = _compute(LabSettings(bcrypt_cost=cost), print)
    SHIPPED.write_text(json.dumps(made, indent=0) + "\n", encoding="ascii")


if __name__ == "__main__":
    _regenerate()
