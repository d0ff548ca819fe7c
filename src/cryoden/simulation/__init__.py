"""Simulated exposures: specimen, microscope, detector, files."""
