"""A token bucket: so many requests a second, with one second's worth as a reserve."""

import math
import time


class TokenBucket:
    """Counts down with every request and refills with time."""

    def __init__(self, rate_per_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._most = max(1.0, rate_per_s)
        self._left = self._most
        self._seen_s = time.monotonic()

    def wait_s(self) -> int:
        """0 when the request may pass, else the whole seconds after which another try is worthwhile."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._seen_s) * self._rate_per_s)
        self._seen_s = now
        if self._left >= 1:
            self._left -= 1
            return 0
        return max(1, math.ceil((1 - self._left) / self._rate_per_s))
