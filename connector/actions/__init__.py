"""What a person decides, once, for pages and commands."""
