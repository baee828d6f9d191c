"""The mediation: the roster, the draw, the appointment, the mediator’s desk, and mediating."""
