"""The package's logger: messages on standard error, as pooch's users know them."""

import logging

_LOGGER = logging.Logger("snakepipe_fetch")
_LOGGER.addHandler(logging.StreamHandler())


def get_logger() -> logging.Logger:
    """The logger; `get_logger().setLevel("WARNING")` silences what is downloaded."""
    return _LOGGER
