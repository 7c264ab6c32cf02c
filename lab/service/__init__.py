"""The login service of the case. It knows how to answer requests, nothing of who starts or measures it."""
