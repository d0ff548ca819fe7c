"""Which files belong together, and whether they are halves of one exposure."""
