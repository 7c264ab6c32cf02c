"""The servers and the command line of the commands' tests."""

from __future__ import annotations

from tests.commands.conftest import browser, cli, hanging, hostile, mixed, scenario

__all__ = ["browser", "cli", "hanging", "hostile", "mixed", "scenario"]
