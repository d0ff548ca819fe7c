"""Training: the loop, its plan, optimizer and validation."""
