"""What an operator does to a whole archive."""
