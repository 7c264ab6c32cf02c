"""Samples made by hand: so many requests over so many seconds, every tenth failing."""

from __future__ import annotations

import numpy as np

from recording.sample import Category, Samples


def make_samples(requests: int, seconds: float, status: int = 503) -> Samples:
    """Evenly spaced requests at a load that climbs from 1 to 40 users; every tenth fails with `status`."""
    failed = np.arange(requests) % 10 == 9
    outcomes = ["http_error" if failure else "ok" for failure in failed]
    return Samples(
        start_s=1.7e9 + np.linspace(0, seconds, requests, endpoint=False),
        duration_ms=np.where(failed, 52.0, 180.0) + np.arange(requests) % 37,
        endpoint=Category.constant("POST /login", requests),
        method=Category.constant("POST", requests),
        status=np.where(failed, status, 200).astype(np.int16),
        outcome=Category.of(outcomes),
        code=Category.constant("", requests),
        users=np.linspace(1, 40, requests).astype(np.int32),
        in_flight=np.full(requests, -1, np.int32),
        account=np.full(requests, -1, np.int32),
        node=Category.constant("n1", requests),
        stage=Category.constant("", requests),
        response_bytes=np.full(requests, -1, np.int64),
        weight=np.ones(requests, np.int32),
    )
