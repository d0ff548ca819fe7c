"""Where numbers are computed: device, number format, memory, and the fused CUDA step."""
