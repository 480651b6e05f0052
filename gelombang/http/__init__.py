"""The journey's ports on other people's HTTP services: the population registers."""
