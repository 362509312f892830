"""Counts the words of a file, the most frequent first."""

import sys
from collections import Counter


def count(text):
    return Counter(text.lower().split())


def main(path):
    with open(path, encoding="utf-8") as file:
        for word, number in count(file.read()).most_common(3):
            print(f"{number:4} {word}")


if __name__ == "__main__":
    main(sys.argv[1])
