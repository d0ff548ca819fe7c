"""Files: MRC in and out, STAR, atomic writing, provenance."""
