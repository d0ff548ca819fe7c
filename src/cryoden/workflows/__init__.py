"""What a user comes for: train, denoise files, thin, demonstrate."""
