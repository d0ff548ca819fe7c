"""Where numbers are computed: device, number format, memory, noise, and who does it."""
