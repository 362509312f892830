"""Requests of a page that a test answers."""

import base64
import json as _json
import mimetypes
import pathlib

from pyweb.patterns import given


class Request:
    """What the page asks for."""

    def __init__(self, record):
        self.url = record["url"]
        self.method = record["method"]
        self.headers = record["headers"]
        self.post_data = record["post_data"]
        self._number = record["request"]

    @property
    def post_data_json(self):
        return None if self.post_data is None else _json.loads(self.post_data)


class Route:
    """One request and the three things a test can do about it."""

    def __init__(self, page, request):
        self.request = request
        self._page = page
        self.handled = False

    def _answer(self, action, **fields):
        if self.handled:
            raise RuntimeError(f"{self.request.url} was answered already")
        self.handled = True
        number = self.request._number
        self._page._wire.send({"step": "route_answer", "request": number, "action": action, **fields})

    def fulfill(self, *, status=None, headers=None, body=None, json=None, path=None, content_type=None):
        self._answer("fulfill", **fulfillment(status, headers, body, json, path, content_type))

    def continue_(self):
        self._answer("continue")

    fallback = continue_

    def abort(self, error_code=None):
        self._answer("abort")


def fulfillment(status=None, headers=None, body=None, json=None, path=None, content_type=None):
    """An answer as the steps write it."""
    if json is not None:
        body = _json.dumps(json)
        content_type = content_type or "application/json"
    if path is not None:
        body = pathlib.Path(path).read_bytes()
        content_type = content_type or mimetypes.guess_type(str(path))[0]
    fields = given(status=status, headers=headers, content_type=content_type)
    if isinstance(body, bytes):
        fields["body_base64"] = base64.b64encode(body).decode()
    elif body is not None:
        fields["body"] = body
    return fields
