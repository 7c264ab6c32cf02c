"""Config: where configuration files are, how a name finds its file, and what all their models share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo

from recording.errors import UsageError
from scenarios.yaml_file import check, nearest, read_yaml

CONFIG_DIR = Path(__file__).resolve().parent.parent / "config"


class Model(BaseModel):
    """Frozen, and strict about unknown keys and about truth values in the place of numbers."""

    # What was given stays out of the errors that a Python behaviour may raise: it may be a secret.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _a_truth_value_is_no_number(cls, data: Any) -> Any:
        """Python counts with true and false as with 1 and 0."""
        for key, value in data.items() if isinstance(data, dict) else ():
            field = next(
                (field for name, field in cls.model_fields.items() if key in _names(name, field)), None
            )
            if field is not None and _is_truth(value) and _is_number(field.annotation):
                raise ValueError(f"{key!r}: expected a number, not true or false")
        return data


def _names(name: str, field: FieldInfo) -> list[Any]:
    """What a field may be called in a file."""
    alias = field.validation_alias
    return [name, *(alias.choices if isinstance(alias, AliasChoices) else [alias])]


def _is_truth(value: Any) -> bool:
    """Whether it is true or false, or a list or mapping with one of them in it."""
    if isinstance(value, list | dict):
        return any(map(_is_truth, value.values() if isinstance(value, dict) else value))
    return isinstance(value, bool)


def _is_number(annotation: Any) -> bool:
    """Whether a field holds numbers and no truth values."""
    kinds = set(_kinds(annotation))
    return bool(kinds & {int, float}) and not kinds & {bool, Any}


def _kinds(annotation: Any) -> Iterator[Any]:
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _kinds(part)


Named = TypeVar("Named", bound=BaseModel)


def config_names(folder: str, config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the files in a folder of config/."""
    return sorted(path.stem for path in (config_dir / folder).glob("*.yaml"))


def load_named(model: type[Named], name: str, folder: str, config_dir: Path) -> tuple[Named, Path]:
    """What a file of config/ holds, under the file's name, and the file.

    Raises:
        UsageError: no such file, or mistakes in it (all of them, with their places).
    """
    path = config_file(name, folder, config_dir)
    return check(model, read_yaml(path)).model_copy(update={"name": path.stem}), path


def config_file(name: str, folder: str, config_dir: Path) -> Path:
    """The file of a name in a folder of config/, or the path itself where it ends with `.yaml`.

    Raises:
        UsageError: there is none.
    """
    if name.endswith(".yaml"):
        return Path(name)
    known = config_names(folder, config_dir)
    if name not in known:
        kind = folder.removesuffix("s")
        raise UsageError(f"no {kind} {name!r} in {config_dir / folder}{nearest(name, known)}")
    return config_dir / folder / f"{name}.yaml"
