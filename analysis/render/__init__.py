"""From a Verdict and its Windows to something people read. Prints what they hold; calculates nothing."""
