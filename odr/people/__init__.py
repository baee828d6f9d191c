"""People: who has an account, what they may be trusted with, and how the house knows that it is them."""
