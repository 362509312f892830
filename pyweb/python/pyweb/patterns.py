"""Python's values as the steps write them."""

import datetime
import re
from urllib.parse import urljoin

# Where the pages of a site live.
SITE = "http://localhost/"


def pattern(text):
    """A text or a compiled regular expression."""
    if not isinstance(text, re.Pattern):
        return text
    flags = "".join(
        letter for flag, letter in ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s")) if text.flags & flag
    )
    # JavaScript writes named groups without the P.
    source = text.pattern.replace("(?P<", "(?<")
    return {"regex": source, "flags": flags}


def address(url):
    """An address, or a pattern of some: relative ones are of the site, `*` is anything but a slash, `**` anything."""
    if not isinstance(url, str):
        return pattern(url)
    if "*" not in url:
        return urljoin(SITE, url)
    whole = url if re.match(r"\*|[a-z][a-z0-9+.-]*:", url, re.IGNORECASE) else urljoin(SITE, url)
    signs = {"**": ".*", "*": "[^/]*", "{": "(?:", "}": ")", ",": "|"}
    source = re.sub(r"\*\*|[*{},]|[^*{},]+", lambda part: signs.get(part[0]) or re.escape(part[0]), whole)
    return {"regex": f"^{source}$", "flags": ""}


def patterns(texts):
    """One pattern or a list of them."""
    return [pattern(text) for text in texts] if isinstance(texts, (list, tuple)) else pattern(texts)


def milliseconds(time):
    """A point in time, in milliseconds since 1970: seconds, a date and time, or its ISO text."""
    if time is None:
        return None
    if isinstance(time, str):
        time = datetime.datetime.fromisoformat(time)
    if isinstance(time, datetime.datetime):
        return round(time.timestamp() * 1000)
    return round(time * 1000)


def ticks(span):
    """A span in milliseconds: a number of them, `ss`, `mm:ss` or `hh:mm:ss`."""
    if not isinstance(span, str):
        return span
    seconds = 0
    for part in span.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds * 1000


def given(**fields):
    """Those of the fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}
