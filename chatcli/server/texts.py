"""Texts as nearly all clients send them: each in a frame of its own. Pure."""

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which that package has no compiled part
    from websockets.utils import apply_mask

FIN_TEXT = 0x81  # a frame's first byte
MASKED = 0x80  # a bit of its second, whose others are the size, or say that two bytes with the size follow
TWO_BYTES = 126
SHORT_HEADER = 6  # with the mask


def whole_text(data: bytes, at: int, limit: int) -> tuple[str, int] | None:
    """The text in the unfragmented, masked frame that begins at `at`, and where it ends (RFC 6455, section 5.2).

    None for any other frame, one that is not all there, one above `limit` bytes, and one that breaks a rule.
    """
    if len(data) < at + SHORT_HEADER or data[at] != FIN_TEXT:
        return None
    start, size = at + SHORT_HEADER, data[at + 1] - MASKED
    if size == TWO_BYTES:
        start, size = start + 2, int.from_bytes(data[at + 2 : at + 4])
        if size < TWO_BYTES:
            return None
    elif not 0 <= size < TWO_BYTES:
        return None
    end = start + size
    if size > limit or len(data) < end:
        return None
    try:
        return apply_mask(data[start:end], data[start - 4 : start]).decode(), end
    except UnicodeDecodeError:
        return None
