"""Dialogs of a page, for which it stands still until a test answers."""


class Dialog:
    """An `alert`, a `confirm` or a `prompt`."""

    def __init__(self, page, record):
        self.page = page
        self.type = record["kind"]
        self.message = record["message"]
        self.default_value = record["default_value"]
        self._number = record["dialog"]
        self.handled = False

    def _answer(self, **fields):
        if self.handled:
            raise RuntimeError(f"the {self.type} {self.message!r} was answered already")
        self.handled = True
        self.page._wire.send({"step": "dialog_answer", "dialog": self._number, **fields})

    def accept(self, prompt_text=None):
        text = {} if self.type != "prompt" else {"text": self.default_value if prompt_text is None else prompt_text}
        self._answer(accept=True, **text)

    def dismiss(self):
        self._answer(accept=False)
