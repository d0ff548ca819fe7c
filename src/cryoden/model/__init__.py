"""Networks, the model file, and the general model."""
