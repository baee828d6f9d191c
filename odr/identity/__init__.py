"""Who somebody is beyond an address: an organisation by its domain, a person by an electronic identity."""
