"""What the header of an image file claims, before anything is decoded. Travels inside packaged models."""

import io

from stages.core.images.decoding import FORMATS, MAX_PIXELS, NotAnImage, formats_of


def checked(data: bytes, max_pixels: int = MAX_PIXELS) -> int:
    """Pixels of an image that may be decoded. Raises NotAnImage for another format, and for more than `max_pixels`."""
    width, height = size(data)
    if width * height > max_pixels:
        raise NotAnImage(f"{width:,} x {height:,} pixels are more than {max_pixels:,}")
    return width * height


def size(data: bytes) -> tuple[int, int]:
    """Width and height that an image file claims. Raises NotAnImage for what is none of FORMATS."""
    if not data:
        raise NotAnImage("the file is empty")
    if data[:2] == b"\xff\xd8":
        import simplejpeg

        try:
            height, width, _, _ = simplejpeg.decode_jpeg_header(data)
            return int(width), int(height)
        except ValueError:
            pass  # Pillow is more tolerant
    return by_pillow(data)


def by_pillow(data: bytes) -> tuple[int, int]:
    """The same by Pillow, which reads no pixels for it."""
    import warnings

    from PIL import Image

    formats = formats_of(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as image:
                return image.size
    except Image.DecompressionBombError as error:
        raise NotAnImage(f"more than {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # Pillow's plug-ins raise nearly anything on damaged bytes
        raise NotAnImage(f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file that can be read") from error
