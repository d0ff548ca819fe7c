"""The files micrographs are in: MRC, compressed or not, TIFF, and what describes them."""
