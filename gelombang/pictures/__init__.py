"""Cleaning of uploaded pictures with Pillow, in a child process that may crash, hang or swell."""
