"""Encoders: what turns a problem into distances; configurations are in conf/encoder."""

from typing import Any

from smoothie.encoders.base import Encoder, Measured
from smoothie.encoders.distances import StoredDistances
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.encoders.stored import StoredVectors
from smoothie.encoders.text import TextEncoder

ENCODERS: dict[str, type[Any]] = {
    "sentence_transformers": SentenceEncoder,
    "stored": StoredVectors,
    "distances": StoredDistances,
}

__all__ = [
    "ENCODERS",
    "Encoder",
    "Measured",
    "SentenceEncoder",
    "StoredDistances",
    "StoredVectors",
    "TextEncoder",
]
