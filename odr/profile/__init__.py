"""The seller's profile: an account that runs the domain of an address claims what is filed against that address."""
