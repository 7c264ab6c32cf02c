"""Lean: an HTTP/1.1 client that does little per request, so that one core can send many of them."""
