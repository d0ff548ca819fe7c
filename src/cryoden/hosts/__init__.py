"""Jobs of the programs that cryoden is called by, as they expect them."""
