"""The way in: whose request it is, how much of it is read, what every answer carries."""
