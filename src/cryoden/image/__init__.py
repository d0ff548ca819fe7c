"""Everything done to pixels: normalization, resampling, Fourier rings, filters, FRC."""
