"""Records made of lines of text, grouped, sorted and written again: dicts, lists and strings, as programs make them."""

import collections

LINES = [f"{n:06d};item {n % 977};{n * 7919 % 10000 / 100};tag{n % 13},tag{n % 17}" for n in range(20000)]


def parse(line):
    number, name, price, tags = line.split(";")
    return {"number": int(number), "name": name, "price": float(price), "tags": tags.split(",")}


def grouped(records):
    groups = collections.defaultdict(list)
    for record in records:
        for tag in record["tags"]:
            groups[tag].append(record)
    return groups


def written(tag, records):
    cheapest = sorted(records, key=lambda record: (record["price"], record["number"]))[:500]
    return "\n".join([tag, *(f"{record['name']}: {record['price']:.2f}" for record in cheapest)])


for _ in range(24):
    groups = grouped([parse(line) for line in LINES])
    pages = {tag: written(tag, records) for tag, records in groups.items()}
