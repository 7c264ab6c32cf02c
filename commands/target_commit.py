"""Target commit: which version of the service a run tested, so that a change can be laid to commits."""

from __future__ import annotations

import os
import re

from recording.errors import UsageError

ENVIRONMENT = ("LOADVERDICT_TARGET_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA")
"""Where it is looked for, in this order: our own name, then those of GitHub and GitLab."""
_COMMIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,99}")


def target_commit(given: str | None) -> str | None:
    """The commit that was given, or that the environment tells; None where nobody tells.

    Raises:
        UsageError: it has characters that no commit, tag or version has.
    """
    found = given or next((os.environ[name] for name in ENVIRONMENT if os.environ.get(name)), None)
    if found is not None and not _COMMIT.fullmatch(found):
        where = "--commit" if given else "the commit in the environment"
        raise UsageError(f"{where} is no commit, tag or version: letters, digits and . _ + / -, up to 100")
    return found
