"""Reads a packed answer piece by piece, so that few bytes cannot become many at once. Pure."""

import zlib
from collections.abc import Iterable, Iterator

ACCEPTED = "gzip"  # the only packing that we ask for
_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")
_STEP = 65_536  # bytes that are unpacked at once
_GZIP_BITS = 16 + zlib.MAX_WBITS


class PackingError(ValueError):
    """The answer is packed otherwise than asked for, damaged, or cut off."""


def unpacked(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the pieces of a body, unpacked as its `Content-Encoding` says.

    Each piece is at most 64 KB, unless it came unpacked and longer. Raises PackingError: two
    packings over each other, which turn 600 bytes into hundreds of megabytes, are one that we did
    not ask for.
    """
    name = encoding.strip().lower()
    if name in _PLAIN:
        yield from pieces
        return
    if name not in _GZIP:
        raise PackingError(f"its answer is packed in a way that was not asked for ({name[:40]})")
    yield from _gunzipped(pieces)


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpacker, begun = zlib.decompressobj(_GZIP_BITS), False
    for piece in pieces:
        left, part = piece, b""
        while left or len(part) == _STEP:
            if unpacker.eof:  # a file may have several members, one after the other
                unpacker = zlib.decompressobj(_GZIP_BITS)
            begun = True
            try:
                part = unpacker.decompress(left, _STEP)
            except zlib.error as error:
                raise PackingError("its packed answer is damaged") from error
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if part:
                yield part
    if begun and not unpacker.eof:
        raise PackingError("its packed answer ends too early")
