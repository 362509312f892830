"""Four threads that pack, hash and count documents, as those of a server or a build do."""

import collections
import concurrent.futures
import hashlib
import zlib

WORDS = [f"word{n * n % 1009}" for n in range(5000)]


def work(number):
    text = " ".join(WORDS[number:] + WORDS[:number])
    packed = zlib.compress(text.encode(), 6)
    counts = collections.Counter(zlib.decompress(packed).decode().split())
    return hashlib.sha256(packed).hexdigest(), counts.most_common(3)


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    results = list(pool.map(work, range(1000)))
