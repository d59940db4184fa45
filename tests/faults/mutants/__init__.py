"""haulage, with one defence taken away each; see `mutate.py`."""
