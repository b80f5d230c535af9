"""Encodes 100 texts from a place on: python -m tests.encode_texts MODEL CACHE PLACE OUT."""

import sys

import numpy as np

from smoothie.encoders.sentence import SentenceEncoder

TEXTS = [letter * n for n in range(1, 25) for letter in "abcdef"]

if __name__ == "__main__":
    model, cache, first, out = sys.argv[1:]
    encoder = SentenceEncoder(model, cache=cache, progress=False, device="cpu", batch_size=4)
    np.save(out, encoder.encode(TEXTS[int(first) :][:100]))
