"""The live verdict page in Locust's web UI, and the watcher that has a run judged while somebody looks."""
