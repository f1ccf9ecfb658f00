"""The user's own files in place of generated data, and the check of their pictures.

May import schedule and config.
"""
