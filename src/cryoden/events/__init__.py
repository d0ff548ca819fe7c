"""What a run or a batch reports, and the state folded from it."""
