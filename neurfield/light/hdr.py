"""Radiance pictures (.hdr): the format that maps of surroundings are passed on in.

Ward, Real Pixels, Graphics Gems II, 1991: a mantissa a channel and an exponent that they share, rows in runs
of equal values, channel by channel. libvips, which reads all other pictures here, has no reader of it in its
wheels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError

_MOST_PIXELS = 1 << 27


def read_hdr(path: Path) -> np.ndarray:
    """Linear radiance float32 [h, w, 3], the first row above.

    Raises:
        UserError: the file cannot be read, or is no such picture.
    """
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise UserError(f"{path}: cannot be read ({reason.strerror})") from reason
    head, _, rest = data.partition(b"\n\n")
    if not head.startswith((b"#?RADIANCE", b"#?RGBE")):
        raise UserError(f"{path}: no Radiance picture (.hdr): surroundings are given as such a file")
    if b"FORMAT=32-bit_rle_rgbe" not in head:
        raise UserError(f"{path}: its colours are not rgbe: save it again as a Radiance .hdr")
    size, _, body = rest.partition(b"\n")
    words = size.split()
    if len(words) != 4 or words[0] != b"-Y" or words[2] != b"+X" or not (words[1] + words[3]).isdigit():
        shown = size[:40].decode("latin1")
        raise UserError(
            f"{path}: its rows run another way than from above ('{shown}'): save it again upright"
        )
    h, w = int(words[1]), int(words[3])
    if not 0 < h * w <= _MOST_PIXELS:
        raise UserError(f"{path}: {w}x{h} pixels: give surroundings of 1 to {_MOST_PIXELS} pixels")
    try:
        rgbe = _rows(body, h, w)
    except (IndexError, ValueError) as reason:
        raise UserError(f"{path}: ends early or is damaged: copy it again") from reason
    scale = np.where(rgbe[..., 3:] > 0, np.ldexp(1.0, rgbe[..., 3:].astype(np.int32) - 136), 0.0)
    return np.asarray(rgbe[..., :3] * scale, np.float32)


def _rows(body: bytes, h: int, w: int) -> np.ndarray:
    """uint8 [h, w, 4] of a file's rows."""
    encoded = 8 <= w < 32768 and len(body) >= 4 and body[0] == 2 and body[1] == 2 and body[2] < 128
    if not encoded:
        return np.frombuffer(body, np.uint8, h * w * 4).reshape(h, w, 4)
    rgbe, at = np.empty((h, 4, w), np.uint8), 0
    for row in range(h):
        if not (body[at] == 2 and body[at + 1] == 2 and (body[at + 2] << 8) + body[at + 3] == w):
            raise ValueError("a row does not begin as it should")
        at += 4
        for channel in range(4):
            column = 0
            while column < w:
                count = body[at]
                if count > 128:  # one value, many times
                    count -= 128
                    values = body[at + 1 : at + 2] * count
                    at += 2
                else:
                    values = body[at + 1 : at + 1 + count]
                    at += 1 + count
                if not count or len(values) != count:
                    raise ValueError("a run without values")
                rgbe[row, channel, column : column + count] = np.frombuffer(values, np.uint8)
                column += count
    return rgbe.transpose(0, 2, 1)
