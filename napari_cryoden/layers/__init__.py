"""Micrographs as layers, and layers beside one another."""
