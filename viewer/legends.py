"""Legends on a picture: what the colours of its layers mean."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from neurfield.viewer.palettes import Scale

_STRIP = (260, 12)  # pixels of a picture that is 800 high
_EDGE, _GAP = 22, 18


def with_legends(picture: Image.Image, scales: Sequence[Scale]) -> Image.Image:
    """The picture with colours, their ends and their words for each scale, in the lower left corner."""
    drawn = picture.copy()
    pen, size = ImageDraw.Draw(drawn), max(0.5, picture.height / 800)
    font = ImageFont.load_default(size=max(9, round(15 * size)))
    width, height = (
        min(round(_STRIP[0] * size), max(1, picture.width - 2 * _EDGE)),
        max(4, round(_STRIP[1] * size)),
    )
    line, left = round(font.getbbox("Mg")[3]), round(_EDGE * size)
    bottom = picture.height - left
    for scale in reversed(scales):  # the first stands above the others
        low, high = scale.ends()
        top = bottom - 2 * line - height - round(8 * size)
        pad = round(8 * size)
        words = pen.textlength(scale.words, font=font)
        pen.rectangle(
            (left - pad, top - pad, left + max(width, words) + pad, bottom + pad), fill=(255, 255, 255)
        )
        pen.text((left, top), scale.words, fill=(40, 40, 44), font=font)
        strip = Image.fromarray(scale.strip(width, height))
        drawn.paste(strip, (left, top + line + round(4 * size)))
        below = bottom - line
        pen.text((left, below), low, fill=(90, 90, 96), font=font)
        pen.text((left + width - pen.textlength(high, font=font), below), high, fill=(90, 90, 96), font=font)
        bottom = top - round(_GAP * size) - pad
    return drawn
