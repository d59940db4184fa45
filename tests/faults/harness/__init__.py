"""What the fault tests are made of."""
