"""One file a stage; each returns exactly as many results as it was given, in order."""
