"""Files as a test gives them to a page."""

import base64
import mimetypes
import os
import pathlib


def payloads(files):
    """One file or a list of them, as the steps write them."""
    several = files if isinstance(files, (list, tuple)) else [files]
    return [_payload(file) for file in several]


def _payload(file):
    if isinstance(file, (str, os.PathLike)):
        path = pathlib.Path(file)
        type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        file = {"name": path.name, "mimeType": type, "buffer": path.read_bytes()}
    content = base64.b64encode(file["buffer"]).decode()
    return {"name": file["name"], "type": file.get("mimeType", ""), "content": content}
