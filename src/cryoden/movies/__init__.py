"""From movies of single frames to motion-corrected sums: even, odd, full."""
