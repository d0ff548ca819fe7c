"""Plots and tables below the canvas."""
