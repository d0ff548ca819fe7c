"""Whether denoised micrographs can be trusted: methods, metrics, hallucination tests, conclusions."""
