"""App: what holds for every command: how it is interrupted, options that are given twice, the version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from commands.address_space import make_do
from commands.interrupts import interrupts
from recording.errors import IncompleteError, UsageError


class Commands(TyperGroup):
    """All commands: interrupted where nothing of theirs is going on, each ends with one sentence."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command."""
        make_do()
        with interrupts():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                raise IncompleteError(
                    "interrupted; what was recorded is kept: 'loadverdict diagnose latest' makes its report"
                ) from None


class OnceEach(TyperCommand):
    """A command that refuses an option given twice, where one value counts: which one was meant?"""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments apart.

        Raises:
            UsageError: an option with one value stands there twice.
        """
        _, _, found = self.make_parser(ctx).parse_args(args=list(args))
        for option, times in Counter(found).items():
            if times > 1 and not (option.multiple or getattr(option, "is_flag", False)):
                raise UsageError(f"{max(option.opts, key=len)} is given {times} times; say it once")
        return super().parse_args(ctx, args)


class App(typer.Typer):
    """All its commands are `OnceEach`."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Register a command."""
        return super().command(name, cls=OnceEach, **settings)


app = App(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Load tests that say [bold]why[/bold] requests fail.\n\n"
    "Exit codes: 0 targets met · 1 target missed · 2 usage or configuration · 3 run incomplete · "
    "4 load generator invalid · 5 refused by a guard rail · 6 no data",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"loadverdict {version('loadverdict')}")
        raise typer.Exit


@app.callback()
def _before_a_command(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version."),
    ] = False,
) -> None:
    pass
