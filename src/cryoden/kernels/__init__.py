"""Kernels for NVIDIA GPUs, compiled where they run, and the little that launches them."""
