"""From a Verdict and its Windows to something people read. Prints what they hold; calculates nothing."""

import logging

# What matplotlib says of its cache and its fonts (a home that cannot be written, a list made anew) is nothing
# that a user must heed: pictures come out the same. Here, since this is loaded before any module that draws.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
