"""Documents written and read again: a great many small objects that soon go."""

import json

document = {
    "items": [
        {"id": i, "name": f"item {i}", "tags": ["new", "small", f"tag {i % 50}"], "price": i / 7, "stock": None}
        for i in range(500)
    ]
}
for _ in range(400):
    text = json.dumps(document)
    json.loads(text)
