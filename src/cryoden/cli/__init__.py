"""Commands of the terminal: flags, and what is printed."""
