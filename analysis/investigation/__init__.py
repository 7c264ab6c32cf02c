"""Investigation: from a verdict's suspects, by the experiments that decide about them, to a cause or none."""
