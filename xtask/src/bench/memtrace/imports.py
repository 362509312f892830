"""A command's imports: a large part of the standard library, and two large packages."""

import argparse
import asyncio
import concurrent.futures
import ctypes
import decimal
import email.message
import http.client
import importlib.metadata
import json
import logging.config
import multiprocessing
import sqlite3
import ssl
import tarfile
import unittest.mock
import urllib.request
import xml.dom.minidom
import zipfile

import numpy
import rich.console
import rich.markdown
import rich.progress
import textual.app
import textual.widgets
