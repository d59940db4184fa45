"""Bring videos that are stored already to another storage.

`plan` decides what a video needs (pure), `carry` does it for one while it is held, and `copy` for many at once.
"""
