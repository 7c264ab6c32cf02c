"""From Samples to a Verdict: pure functions that know neither Locust nor the lab."""
