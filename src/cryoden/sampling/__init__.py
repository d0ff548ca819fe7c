"""What training is fed with: which pixels are learned from, patches of them, and threads that read ahead."""
