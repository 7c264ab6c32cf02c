"""Config: where configuration files are, how a name finds its file, and what all their models share."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from recording.errors import UsageError
from scenarios.yaml_file import check, nearest, read_yaml

CONFIG_DIR = Path(__file__).resolve().parent.parent / "config"


class Model(BaseModel):
    """Frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Named = TypeVar("Named", bound=BaseModel)


def config_names(folder: str, config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the files in a folder of config/."""
    return sorted(path.stem for path in (config_dir / folder).glob("*.yaml"))


def load_named(model: type[Named], name: str, folder: str, config_dir: Path) -> tuple[Named, Path]:
    """What a file of config/ holds, under the file's name, and the file.

    Raises:
        UsageError: no such file, or mistakes in it (all of them, with their places).
    """
    path = _config_file(name, folder, config_dir)
    return check(model, read_yaml(path)).model_copy(update={"name": path.stem}), path


def _config_file(name: str, folder: str, config_dir: Path) -> Path:
    """The file of a name in a folder of config/, or the path itself where it ends with `.yaml`."""
    if name.endswith(".yaml"):
        return Path(name)
    known = config_names(folder, config_dir)
    if name not in known:
        kind = folder.removesuffix("s")
        raise UsageError(f"no {kind} {name!r} in {config_dir / folder}{nearest(name, known)}")
    return config_dir / folder / f"{name}.yaml"
