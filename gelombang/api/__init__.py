"""How an HTTP request becomes a call of the journey, and its outcome an answer."""
