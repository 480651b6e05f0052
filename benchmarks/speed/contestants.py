"""What runs in `make bench-face`, each in a process of its own that was given its cores before anything was loaded.

    python -m benchmarks.speed.contestants '{"contestant": "ours", "cores": 2, "pack": "insightface", …}'

prints one JSON object. `peer` is insightface's own FaceAnalysis, one picture at a time; `ours` the same work (detect
and recognise, same weights) through this worker's stages, decoding in the sandbox's children as the worker does;
`evidence` the whole of `check_faces`, selfie and card; `floor` each graph alone at its best batch, in the shapes
`ours` runs it in, and the detector also in its file's.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BATCHES = (1, 2, 4, 8)
FLOOR_S = 1.0  # for each graph and batch
EXPORTED_PX = 640
REQUESTS_PER_BATCH = 10


def main() -> int:
    """Run the contestant that the argument names and print what it gave."""
    spec = json.loads(sys.argv[1])
    os.sched_setaffinity(
        0, sorted(os.sched_getaffinity(0))[: spec["cores"]]
    )  # before any library counts cores
    warnings.simplefilter("ignore")
    import cv2  # noqa: PLC0415 - only once the cores are set

    cv2.setNumThreads(1 if spec["contestant"] != "peer" else spec["cores"])
    print(json.dumps(CONTESTANTS[spec["contestant"]](spec)))
    return 0


def _samples(spec: dict[str, Any]) -> list[Any]:
    from benchmarks.speed.pictures import read_pictures  # noqa: PLC0415 - after the cores

    return read_pictures(Path(spec["pictures"]))


def _repeated(samples: Sequence[Any], count: int) -> Iterable[Any]:
    return (samples[i % len(samples)] for i in range(count))


def _peer(spec: dict[str, Any]) -> dict[str, Any]:
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from insightface.app import FaceAnalysis  # noqa: PLC0415

    app = FaceAnalysis(
        spec["folder"], allowed_modules=["detection", "recognition"], providers=["CPUExecutionProvider"]
    )
    app.prepare(ctx_id=-1, det_size=(EXPORTED_PX, EXPORTED_PX))

    def embedded(content: bytes) -> list[float] | None:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        faces = app.get(pixels)
        if not faces:
            return None
        widest = max(faces, key=lambda face: float(face.bbox[2] - face.bbox[0]))
        return [float(value) for value in widest.normed_embedding]

    return _timed(spec, lambda contents: map(embedded, contents))


def _ours(spec: dict[str, Any]) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415

    from workers.gpu_face.faces import Picture, Subject  # noqa: PLC0415
    from workers.gpu_face.flow import GroupLimits, flow  # noqa: PLC0415
    from workers.gpu_face.models import load_pack  # noqa: PLC0415
    from workers.gpu_face.pipeline import CPU_GROUP, SELFIE_SIDE_PX  # noqa: PLC0415
    from workers.gpu_face.sandbox import Sandbox  # noqa: PLC0415
    from workers.gpu_face.stages.align import align_faces, trace_meshes  # noqa: PLC0415
    from workers.gpu_face.stages.detect import detect_faces  # noqa: PLC0415
    from workers.gpu_face.stages.embed import embed_faces  # noqa: PLC0415

    pack = load_pack(spec["pack"], threads=spec["cores"])
    sandbox = Sandbox(spec["cores"], lambda _status: None)
    spent: dict[str, list[float]] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the stage gives
        started = time.perf_counter()
        result = work()
        spent.setdefault(stage, []).append(time.perf_counter() - started)
        return result

    def prepare(content: bytes) -> Any:  # noqa: ANN401
        return timed("decode", lambda: sandbox.decode_picture(content, Subject.SELFIE, SELFIE_SIDE_PX))

    def infer(pictures: Sequence[Picture]) -> list[list[float] | None]:
        found = timed("detect", lambda: detect_faces(pack, pictures))
        places = [i for i, faces in enumerate(found) for _ in faces]
        shown, faces = [pictures[i] for i in places], [face for faces in found for face in faces]
        if pack.mesh is not None:
            faces = timed("mesh", lambda: trace_meshes(pack, shown, faces))
        chips = timed("align", lambda: align_faces(pack, shown, faces))
        vectors = timed("embed", lambda: embed_faces(pack, chips))
        widest: dict[int, tuple[float, int]] = {}
        for n, (i, face) in enumerate(zip(places, faces, strict=True)):
            widest[i] = max(widest.get(i, (0.0, 0)), (float(face.box[2] - face.box[0]), n))
        return [vectors[widest[i][1]].tolist() if i in widest else None for i in range(len(pictures))]

    limits = GroupLimits(CPU_GROUP, pack.group_pixels)

    def answer(contents: Iterable[bytes]) -> Iterable[list[float] | None]:
        return flow(
            list(contents),
            prepare,
            infer,
            lanes=spec["cores"],
            limits=limits,
            weigh=lambda picture: picture.pixels.size // 3,
        )

    result = _timed(spec, answer)
    if spec.get("serial"):
        spent.clear()
        contents = [sample.content for sample in _repeated(_samples(spec), spec["count"])]
        for start in range(0, len(contents), CPU_GROUP):
            infer([prepare(content) for content in contents[start : start + CPU_GROUP]])
        result["stage_ms"] = {
            stage: 1000 * float(np.median(times)) / (1 if stage == "decode" else CPU_GROUP)
            for stage, times in spent.items()
        }
    sandbox.close()
    return _with_children(result, spec["cores"])


def _evidence(spec: dict[str, Any]) -> dict[str, Any]:
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    from gelombang.memory.rows import MemoryRows  # noqa: PLC0415
    from gelombang.memory.vault import MemoryVault  # noqa: PLC0415
    from workers.gpu_face.gallery import Gallery  # noqa: PLC0415
    from workers.gpu_face.models import load_pack  # noqa: PLC0415
    from workers.gpu_face.pipeline import FaceRequest, check_faces  # noqa: PLC0415
    from workers.gpu_face.sandbox import Sandbox  # noqa: PLC0415

    pack = load_pack(spec["pack"], threads=spec["cores"])
    sandbox = Sandbox(spec["cores"], lambda _status: None)
    gallery, now = Gallery(MemoryRows(), pack.release, vault=MemoryVault()), datetime.now(UTC)

    def card(content: bytes) -> bytes:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        paper = np.full((900, 1430, 3), (226, 208, 190), np.uint8)
        paper[220:600, 1060:1367] = cv2.resize(pixels[:, 280:1000], (307, 380), interpolation=cv2.INTER_AREA)
        return bytes(cv2.imencode(".jpg", paper, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])

    cards: dict[bytes, bytes] = {}

    def answer(contents: Iterable[bytes]) -> Iterable[Any]:
        batch = []
        for number, content in enumerate(contents):
            batch.append(
                FaceRequest(
                    str(number), f"person-{number}", content, cards.setdefault(content, card(content))
                )
            )
            if len(batch) == REQUESTS_PER_BATCH:
                yield from check_faces(pack, gallery, batch, now, sandbox.decode_picture)
                batch = []
        yield from check_faces(pack, gallery, batch, now, sandbox.decode_picture)

    result = _timed(spec, answer) | {"photographs_per_request": 2}
    sandbox.close()
    return _with_children(result, spec["cores"])


def _with_children(result: dict[str, Any], child_count: int) -> dict[str, Any]:
    """Return the result with the memory of the sandbox's children added, each as large as the largest."""
    children_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return result | {"peak_mib": result["peak_mib"] + child_count * children_mib}


def _timed(spec: dict[str, Any], run: Callable[[Iterable[bytes]], Iterable[Any]]) -> dict[str, Any]:
    """Return what a contestant did with `count` pictures, after each once that does not count."""
    samples = _samples(spec)
    answers = list(run(sample.content for sample in samples))
    contents = (sample.content for sample in _repeated(samples, spec["count"]))
    used_s, started = _processor_s(), time.perf_counter()
    for _ in run(contents):
        pass
    seconds = time.perf_counter() - started
    result: dict[str, Any] = {
        "per_s": spec["count"] / seconds,
        "cpu_ms": 1000 * (_processor_s() - used_s) / spec["count"],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if spec.get("embeddings"):
        result |= {"people": [sample.person for sample in samples], "embeddings": answers}
    return result


def _processor_s() -> float:
    """Return the processor time that this process and its living children have used."""
    children: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread of the flow that has just ended; its children are another's now
            children += (task / "children").read_text("ascii").split()
    ticks = 0
    for child in children:
        fields = Path(f"/proc/{child}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user and system time, proc(5)
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _floor(spec: dict[str, Any]) -> dict[str, Any]:
    """Return how many pictures a second the graphs alone would allow, each at its best batch."""
    import numpy as np  # noqa: PLC0415

    from workers.gpu_face.models import load_pack  # noqa: PLC0415

    pack = load_pack(spec["pack"], threads=1)
    side = pack.detector.spec.selfie_size or pack.detector.spec.size
    height = side if pack.detector.spec.kind == "blazeface" else -(-side * 3 // 4 // 32) * 32
    size = pack.embedder.spec.size
    graphs: dict[str, tuple[Any, tuple[int, ...]]] = {
        "detector": (pack.detector.session, (3, height, side)),
        "embedder": (pack.embedder.session, (3, size, size)),
    }
    if pack.mesh is not None:
        mesh = pack.mesh.spec.size
        shape = (3, mesh, mesh) if pack.mesh.spec.layout == "NCHW" else (mesh, mesh, 3)
        graphs["mesh"] = pack.mesh.session, shape
    if pack.detector.spec.kind == "scrfd":
        graphs["detector as exported"] = pack.detector.session, (3, EXPORTED_PX, EXPORTED_PX)
    with ThreadPoolExecutor(spec["cores"]) as threads:
        rates = {
            name: max(
                (_rate(session, np.zeros((batch, *shape), np.float32), threads, spec["cores"]), -batch)
                for batch in BATCHES
            )
            for name, (session, shape) in graphs.items()
        }
    runs = {"embedder": 2 if pack.embedder.spec.mirrored else 1}  # a picture
    return {
        "graphs": {
            name: {"per_s": per_s / runs.get(name, 1), "batch": -batch, "cpu_ms": cpu_ms * runs.get(name, 1)}
            for name, ((per_s, cpu_ms), batch) in rates.items()
        }
    }


def _rate(session: Any, values: Any, threads: ThreadPoolExecutor, cores: int) -> tuple[float, float]:  # noqa: ANN401
    """Return items a second when every core runs the graph on its own batch, and processor ms an item."""
    name, ends = session.get_inputs()[0].name, time.perf_counter() + FLOOR_S

    def work(_core: int) -> int:
        done = 0
        while time.perf_counter() < ends:
            session.run(None, {name: values})
            done += len(values)
        return done

    session.run(None, {name: values})
    used_s, started = time.process_time(), time.perf_counter()
    done = sum(threads.map(work, range(cores)))
    return done / (time.perf_counter() - started), 1000 * (time.process_time() - used_s) / done


CONTESTANTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "peer": _peer,
    "ours": _ours,
    "evidence": _evidence,
    "floor": _floor,
}

if __name__ == "__main__":
    sys.exit(main())
