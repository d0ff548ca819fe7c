"""What is chosen in docks: kept for the next dock and the next session, and said as a command."""
