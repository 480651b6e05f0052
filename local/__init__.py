"""The one-machine run: engine, deployment, registers' simulator, demo and command line."""
