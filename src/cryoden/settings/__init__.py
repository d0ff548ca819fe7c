"""What can be chosen: type, default, range, unit, help."""
