"""A file is read whole, and takes as much memory as it is long."""

import tracemalloc
from pathlib import Path

from recording.whole_file import whole_file


def test_a_short_file_takes_little_memory_whatever_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"twelve bytes")
    tracemalloc.start()
    try:
        assert whole_file(path, most_bytes=256 << 20) == b"twelve bytes"
        assert whole_file(path, most_bytes=256 << 20, begin=7) == b"bytes"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
