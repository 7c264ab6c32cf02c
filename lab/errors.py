"""The one error of the lab. Its text says what was expected, what was found and what to do next."""


class LabError(Exception):
    """A lab that cannot be started, found or changed as asked; written for whoever asked."""
