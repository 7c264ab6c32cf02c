"""What a failed answer says, however long it is."""

from __future__ import annotations

import gc
import tracemalloc

from recording.error_text import message_of, most_telling, says_nothing

LONG = 1_000_000


def test_a_long_text_is_judged_as_a_short_one() -> None:
    assert says_nothing("Internal Server Error, request id: " + "x" * LONG)
    assert not says_nothing("database query failed " + "x" * LONG)
    assert most_telling(["Bad Request", "x" * LONG]) == "x" * LONG


def test_long_texts_are_not_kept() -> None:
    """A target may send another one with every failure."""
    tracemalloc.start()
    try:
        for number in range(40):
            message_of({"error": f"failure {number} " + "x" * LONG}, empty=False, content_type="")
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < LONG
