"""A large part of the standard library, imported."""

import argparse
import asyncio
import ctypes
import decimal
import email
import http.client
import json
import logging
import sqlite3
import ssl
import unittest
import xml.dom.minidom
