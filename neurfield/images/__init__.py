"""Single images, of any size: read lazily by regions, drawn from pixel by pixel, written, compared."""

from neurfield.images.pool import PixelPool, pixel_pool
from neurfield.images.source import ImageSource, open_image

__all__ = ["ImageSource", "PixelPool", "open_image", "pixel_pool"]
