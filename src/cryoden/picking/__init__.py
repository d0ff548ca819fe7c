"""Where particles are: coordinates of other programs, a picker without training, and how well it finds them."""
