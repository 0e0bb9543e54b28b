"""The pages of a person's own account, and those before the login."""
