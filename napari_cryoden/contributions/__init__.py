"""What napari calls by name: reader, writer, sample data."""
