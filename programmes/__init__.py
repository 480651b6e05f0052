"""Programmes as data: one folder each, read by `gelombang.journey.programme`."""
