"""Model packs: what each is made of, how it is built on a fresh machine, and the check of every file's hash.

A pack is a manifest (`default.json`, `open.json`, or one read off a folder by `insightface`) and the ONNX files it
names. `manifest` reads and checks, `build` makes, `tflite` and `dlib` convert, `rewriting` makes graphs faster as they
are opened. Weights are never part of the repository.
"""
