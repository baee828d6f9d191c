"""Second factors: what proves who somebody is beside the password."""
