"""Parts of docks."""
