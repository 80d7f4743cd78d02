"""The clustered network, from its configuration to parameters and connections."""
