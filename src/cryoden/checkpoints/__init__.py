"""A run on disk: folder, losses, comparison, report."""
