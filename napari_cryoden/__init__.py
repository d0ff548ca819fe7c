"""The napari plugin: widgets and layers around the library `cryoden`, no array mathematics."""
