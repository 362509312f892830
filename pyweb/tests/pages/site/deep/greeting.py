"""Copied into the page's file system by shared.toml."""


def greet(name):
    return f"hello {name}"
