"""The baseline experiment: patch pairs streamed from disk, a small network, and what its loss is worth."""
