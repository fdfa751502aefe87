import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aver.testing import HashEmbedder


@given(st.lists(st.text(max_size=80), max_size=6), st.sampled_from([1, 8, 64]))
def test_rows_are_unit_vectors_that_depend_on_their_text_alone(texts, dimension):
    embedder = HashEmbedder(dimension)
    vectors = embedder.embed(texts)
    assert vectors.shape == (len(texts), dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(HashEmbedder(dimension).embed([text])[0], vector)


def test_shared_words_make_texts_similar():
    question, answer, other = HashEmbedder(256).embed(
        ["How many days of paid leave?", "You get 20 days of paid leave.", "The printer stands upstairs."]
    )
    assert question @ answer > 0.4
    assert question @ answer > question @ other + 0.3


def test_its_name_tells_dimensions_apart():
    assert HashEmbedder(8).name != HashEmbedder(64).name
