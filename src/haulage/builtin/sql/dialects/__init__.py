"""What is different from one database to the next; the rest of the store knows none by name.

`portable` has what is spelled differently in statements, `base` what a dialect answers, and each database has a module.
"""
