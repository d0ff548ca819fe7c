"""Looking through an acquisition: what there is, what was decided about it, and what is shown next."""
