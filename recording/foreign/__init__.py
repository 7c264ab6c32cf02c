"""Foreign: results of other load tools become a Run, each with what its file cannot tell."""
