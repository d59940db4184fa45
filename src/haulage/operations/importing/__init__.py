"""Take in what was downloaded before haulage, where it lies.

A layout finds the videos among the objects of a storage, each is read and measured, and rows are all that is written.
"""
