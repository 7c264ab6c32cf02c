"""The lab: the login service of the case, small and real, with faults that can be switched on.

This is all that the rest of the suite may use. Importing it is cheap: parts come with their first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.control import LabStatus as LabStatus
    from lab.control import down as down
    from lab.control import set_faults as set_faults
    from lab.control import set_settings as set_settings
    from lab.control import settings_of as settings_of
    from lab.control import status as status
    from lab.errors import LabError as LabError
    from lab.faults import Fault as Fault
    from lab.faults import Truth as Truth
    from lab.faults import list_faults as list_faults
    from lab.settings import LabSettings as LabSettings
    from lab.settings import load_settings as load_settings
    from lab.supervisor import RunningLab as RunningLab
    from lab.supervisor import up as up

_HOMES = {
    "Fault": "faults",
    "LabError": "errors",
    "LabSettings": "settings",
    "LabStatus": "control",
    "RunningLab": "supervisor",
    "Truth": "faults",
    "down": "control",
    "list_faults": "faults",
    "load_settings": "settings",
    "set_faults": "control",
    "set_settings": "control",
    "settings_of": "control",
    "status": "control",
    "up": "supervisor",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605 - one list of names, above


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lab' has no attribute {name!r}")
    return getattr(import_module(f"lab.{_HOMES[name]}"), name)
