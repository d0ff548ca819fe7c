"""One micrograph through a model."""
