"""Embeddings of one person are alike, of two people are not, and a batch changes nothing."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.embed import embed_faces


def embed(pack, pictures):
    faces = [faces[0] for faces in detect_faces(pack, pictures)]
    return embed_faces(pack, align_faces(pack, pictures, trace_meshes(pack, pictures, faces)))


def as_another_camera_sees_it(picture: Picture) -> Picture:
    """Return the picture at another size, tilt and brightness, after a coarse JPEG."""
    height, width = picture.pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 6, 0.9)
    pixels = cv2.warpAffine(picture.pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    coarse = cv2.imencode(
        ".jpg", cv2.convertScaleAbs(pixels, alpha=0.8, beta=20), [cv2.IMWRITE_JPEG_QUALITY, 50]
    )[1]
    return Picture(cv2.imdecode(coarse, cv2.IMREAD_COLOR), Subject.SELFIE)


def assert_people_are_told_apart(pack, pictures):
    probes = embed(pack, [as_another_camera_sees_it(picture) for picture in pictures])

    similarities = probes @ embed(pack, pictures).T

    mated = np.diag(similarities)
    non_mated = similarities[~np.eye(len(pictures), dtype=bool)]
    assert mated.min() > non_mated.max()


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_the_default_pack_tells_eight_people_apart(default_pack, selfies):
    assert_people_are_told_apart(default_pack, selfies)


@pytest.mark.shared
def test_the_open_pack_tells_eight_people_apart(open_pack, selfies):
    assert_people_are_told_apart(open_pack, selfies)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_embeddings_are_of_unit_length_and_of_the_packs_size(default_pack, selfies):
    embeddings = embed(default_pack, selfies)

    assert embeddings.shape == (len(selfies), 128)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_a_batch_embeds_each_face_as_it_would_alone(default_pack):
    chips = np.random.default_rng(7).integers(0, 256, (40, 150, 150, 3), dtype=np.uint8)

    together = embed_faces(default_pack, chips)

    alone = np.concatenate([embed_faces(default_pack, chips[i : i + 1]) for i in range(len(chips))])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_a_face_and_its_mirror_image_are_one_to_the_default_pack(default_pack):
    chips = np.random.default_rng(7).integers(0, 256, (4, 150, 150, 3), dtype=np.uint8)
    once = replace(
        default_pack,
        embedder=replace(
            default_pack.embedder, spec=default_pack.embedder.spec.model_copy(update={"mirrored": False})
        ),
    )

    seen, mirrored = embed_faces(default_pack, chips), embed_faces(default_pack, chips[:, :, ::-1])
    apart = embed_faces(once, chips), embed_faces(once, chips[:, :, ::-1])

    np.testing.assert_allclose(seen, mirrored, atol=1e-5)
    assert (apart[0] * apart[1]).sum(axis=1).max() < 1 - 1e-3
    assert ((seen * apart[0]).sum(axis=1) > (apart[0] * apart[1]).sum(axis=1)).all()  # it lies between


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_no_chips_give_no_embeddings(default_pack):
    assert embed_faces(default_pack, np.empty((0, 150, 150, 3), np.uint8)).shape == (0, 128)
