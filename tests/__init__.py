"""A package, so that worker processes find it before one of this name that a library may install."""
