"""Training: hold-out, patches, optimizer, validation, and the loop."""
