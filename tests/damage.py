"""What may happen to a file on a disk, each time as the bytes that are found afterwards."""

from collections.abc import Iterator


def flipped(data: bytes, step: int = 1) -> Iterator[bytes]:
    """One bit flipped in every byte (or every step-th), from the lowest bit to the highest."""
    for place in range(0, len(data), step):
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def cut(data: bytes, step: int = 1) -> Iterator[bytes]:
    """Cut off at every length, then lengthened, and without some bytes in the middle."""
    yield from (data[:length] for length in range(0, len(data), step))
    yield data + b"\0"
    yield data + data
    yield data[: len(data) // 2] + data[len(data) // 2 + 4 :]


def header_size(data: bytes) -> int:
    """Bytes before the values of a .npy file."""
    return 10 + int.from_bytes(data[8:10], "little")
