"""A store against itself: what is wrong with it, and removing what cannot be trusted."""
