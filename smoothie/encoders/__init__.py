"""Encoders turn a problem into distances; conf/encoder has named variants."""

from smoothie.encoders.base import ENCODERS, Encoder, Measured, register_encoder
from smoothie.encoders.distances import StoredDistances
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.encoders.static import StaticEncoder
from smoothie.encoders.stored import StoredVectors
from smoothie.encoders.text import TextEncoder

__all__ = [
    "ENCODERS",
    "Encoder",
    "Measured",
    "SentenceEncoder",
    "StaticEncoder",
    "StoredDistances",
    "StoredVectors",
    "TextEncoder",
    "register_encoder",
]
