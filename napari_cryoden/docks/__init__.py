"""The docks of the plugin menu."""
