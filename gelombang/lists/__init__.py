"""Lists that agencies deliver signed, kept as keyed tags of NIKs and looked up here instead of asked about online."""
