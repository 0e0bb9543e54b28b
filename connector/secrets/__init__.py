"""How secrets are kept: encrypted fields, the check of the key, private files."""
