"""What all work in threads is made of: a worker, a job of a window, layers that are in use."""
