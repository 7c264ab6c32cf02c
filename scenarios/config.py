"""Config: where configuration files are, how a name finds its file, and what all their models share."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from recording.errors import UsageError
from scenarios.yaml_file import nearest

CONFIG_DIR = Path(__file__).resolve().parent.parent / "config"


class Model(BaseModel):
    """Frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def config_names(folder: str, config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the files in a folder of config/."""
    return sorted(path.stem for path in (config_dir / folder).glob("*.yaml"))


def config_file(name: str, config_dir: Path, folder: str, known: list[str]) -> Path:
    """The file of a name in a folder of config/, or the path itself where it ends with `.yaml`.

    Raises:
        UsageError: no such name; the message has the nearest one.
    """
    if name.endswith(".yaml"):
        return Path(name)
    if name not in known:
        kind = folder.removesuffix("s")
        raise UsageError(f"no {kind} {name!r} in {config_dir / folder}{nearest(name, known)}")
    return config_dir / folder / f"{name}.yaml"
