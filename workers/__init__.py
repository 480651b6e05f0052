"""Processes that are not request handlers."""
