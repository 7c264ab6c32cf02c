"""Working folder: where Python behaviours of the user's own are found, behind all that is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class WorkingFolder:
    """The last of Python's finders: it is asked for what no other has found.

    As a part of `sys.path` the folder would come before packages without a file of their own (namespaces) and
    before the suite itself where that is installed as a checkout.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module or package of the folder; none in the name of what Python has on other systems."""
        if path is not None or name in sys.stdlib_module_names:
            return None
        return PathFinder.find_spec(name, [""], target)


def look_there() -> None:
    """Have modules found in the working folder too, from now on."""
    if not any(isinstance(finder, WorkingFolder) for finder in sys.meta_path):
        sys.meta_path.append(WorkingFolder())
