"""The face worker: takes face checks in batches and answers each with evidence, never with a decision."""
