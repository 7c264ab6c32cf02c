"""What a run leaves behind: Samples, the run folder, and the recorder that fills it."""
