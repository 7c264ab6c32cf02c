"""History: what is kept of every scheduled run, in one SQLite file."""
