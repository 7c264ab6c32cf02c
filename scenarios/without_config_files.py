"""Without config files: starts Locust as `python -m locust` does, except that it looks for no config files.

    python -P -m scenarios.without_config_files locust -f locustfile.py ...

Before the locustfile, which has the options themselves left alone (`scenarios.wiring`), Locust reads them for
its name: one that cannot be read, or that asks for help, would end a run before it begins.
"""

from __future__ import annotations

import runpy
import sys
from functools import partial

from locust import argument_parser


def main() -> None:
    """Run Locust on the words behind this module's name."""
    first_parser = argument_parser.get_empty_argument_parser
    argument_parser.get_empty_argument_parser = partial(first_parser, default_config_files=())
    sys.argv = sys.argv[1:]
    runpy.run_module("locust", run_name="__main__")


if __name__ == "__main__":
    main()
