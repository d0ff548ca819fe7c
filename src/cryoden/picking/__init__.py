"""Where particles are: coordinates of other programs, and a picker that needs no training."""
