"""What waits for a person, by cause."""
