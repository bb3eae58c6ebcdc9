"""The `serve` section as frozen types: what a caller may ask of `imagetrail serve` at once."""

from pydantic import Field

from stages.core.settings.options import Count, Section


class Serve(Section):
    """Limits on a request; one that is beyond them is refused before it is read or decoded."""

    max_body_bytes: Count = Field(description="of a request; base64 takes a third more than the image")
    max_pixels: Count = Field(description="of all images of a request together, as their headers claim")
    max_images: Count = Field(description="of a request")
    max_waiting: Count = Field(description="requests at once; further ones are told to come back")
    timeout_s: Count = Field(description="seconds in which a request must have been sent, and again answered")
