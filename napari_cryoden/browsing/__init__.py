"""Browsing an acquisition: the table of exposures, their pictures in the background, one shown in place."""
