"""Train a denoising network on cryo-EM micrographs, without Qt and without napari."""

__version__ = "0.1.0"
