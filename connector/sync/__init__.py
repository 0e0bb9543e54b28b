"""What moves by itself between the two systems."""
