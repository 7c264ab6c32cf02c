"""Behaviour: what one user does in one turn, as the names of the target's requests in order."""

from __future__ import annotations

BEHAVIOURS: dict[str, tuple[str, ...]] = {
    "login": ("login",),
    "session": ("login", "me", "me", "me"),
}
"""`login`: log in, over and over. `session`: log in, then use the token three times."""
