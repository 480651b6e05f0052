"""Search: who of everybody enrolled looks like a probe, exactly, for tens of millions of faces.

    vectors ─▶ store: log ─▶ segments on disk     probes ─▶ scan: 8-bit products ─▶ bound ─▶ exact cosine of the few
                 (checksums, tombstones, snapshot)               │                              │
                                                  online: `nearest`, the k most similar   wave: `join_wave`, every pair
                                                                                          above a threshold ─▶ clusters

Why it is cut so:

- `quantise` turns vectors into 8-bit codes and says by how much a product of codes can be wrong; everything that
  this bound leaves open is compared again with the vectors themselves, so nothing is ever missed.
- `engine` multiplies codes; it knows nothing of faces. Two engines give the same integers, the faster one is taken.
- `scan` is the only loop over the gallery. It works on parts, which are memory-mapped segments or the newest faces
  still in memory, and splits the work into shards that never change the answer.
- `store` keeps parts on disk. It can always be thrown away: the table (see `gallery`) has every face.
"""
