"""Work in threads: one object per window and kind of work."""
