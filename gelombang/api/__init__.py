"""How an HTTP request or a queue record becomes a call of the journey, and its outcome an answer.

Read in this order: `routes` (what a route declares and what happens around each view), `body`, `forms`,
`callers` (what comes in), `replies`, `problems`, `wording` (what goes out), `messages` (queue records),
`openapi` (the same declarations as a document).
"""
