"""Answers of the layout json_list, read character by character: which steps are complete."""

import json
from dataclasses import dataclass, field

# A step is a tuple: ("name", NAME), ("arg", KEY, JSON), ("args_end",), ("call_end",), ("end",).
ENDS_EXPANSION = {"name", "arg", "args_end", "end"}
_DECODER = json.JSONDecoder()
# What may follow a number.
_DELIMITERS = tuple(",}] \n\r\t")


@dataclass
class Answer:
    """A partial answer: its text, the steps that it has completed, and where the rest begins."""

    text: str = ""
    steps: list = field(default_factory=list)
    read: int = 0
    # What comes next: list, call, colon-name, ... (see `_next`)
    state: str = "list"
    valid: bool = True

    def copy(self):
        return Answer(self.text, list(self.steps), self.read, self.state, self.valid)

    @property
    def complete(self):
        return self.state == "done"

    def key(self):
        """Equal for answers that decide the same and go on alike."""
        return (tuple(self.steps), self.state, self.text[self.read :])

    def feed(self, text):
        """Appends text; the steps that it completes."""
        self.text += text
        before = len(self.steps)
        while self.valid and self._next():
            pass
        return self.steps[before:]

    def _literal(self, literal, state):
        """Passes `literal`; False if more text is needed."""
        have = self.text[self.read : self.read + len(literal)]
        if have == literal:
            self.read += len(literal)
            self.state = state
            return True
        self.valid = literal.startswith(have)
        return False

    def _one_of(self, ways):
        """Passes the character that chooses a way: {character: (state, step)}."""
        way = ways.get(self.text[self.read])
        if way is None:
            self.valid = False
            return False
        self.read += 1
        self.state = way[0]
        if way[1]:
            self.steps.append(way[1])
        return True

    def _value(self, terminated):
        """The JSON value that begins here and its end, or None if it may go on."""
        try:
            value, end = _DECODER.raw_decode(self.text, self.read)
        except json.JSONDecodeError:
            return None
        if terminated and isinstance(value, (int, float)) and self.text[end : end + 1] not in _DELIMITERS:
            return None  # a number ends where its delimiter begins: "0." may become 0.5
        return value, end

    def _next(self):
        while self.read < len(self.text) and self.text[self.read] in " \n\r\t":
            self.read += 1
        if self.read >= len(self.text) or self.state == "done":
            return False
        match self.state:
            case "list":
                return self._literal("[", "first")
            case "first":
                return self._one_of({"{": ("name_key", None), "]": ("done", ("end",))})
            case "more":
                return self._one_of({",": ("open", None), "]": ("done", ("end",))})
            case "open":
                return self._literal("{", "name_key")
            case "name_key":
                return self._literal('"name"', "name_colon")
            case "name_colon":
                return self._literal(":", "name")
            case "comma":
                return self._literal(",", "arguments_key")
            case "arguments_key":
                return self._literal('"arguments"', "arguments_colon")
            case "arguments_colon":
                return self._literal(":", "arguments")
            case "arguments":
                return self._literal("{", "first_key")
            case "first_key" if self.text[self.read] == "}":
                return self._one_of({"}": ("close", ("args_end",))})
            case "next":
                return self._one_of({",": ("key", None), "}": ("close", ("args_end",))})
            case "close":
                return self._one_of({"}": ("more", ("call_end",))})
            case "name" | "first_key" | "key":
                found = self._value(False)
                if found is None or not isinstance(found[0], str):
                    self.valid = found is None and self.text[self.read] == '"'
                    return False
                self.read = found[1]
                if self.state == "name":
                    self.steps.append(("name", found[0]))
                    self.state = "comma"
                else:
                    self._key, self.state = found[0], "value_colon"
                return True
            case "value_colon":
                return self._literal(":", "value")
            case "value":
                found = self._value(True)
                if found is None:
                    return False
                self.steps.append(("arg", self._key, json.dumps(found[0], ensure_ascii=False)))
                self.read, self.state = found[1], "next"
                return True

    def calls(self):
        """The complete calls."""
        calls = []
        for step in self.steps:
            if step[0] == "name":
                calls.append({"name": step[1], "arguments": {}})
            elif step[0] == "arg":
                calls[-1]["arguments"][step[1]] = json.loads(step[2])
        return calls


def render(steps):
    """The text before each step's marker, as the reward model reads it."""
    pieces, calls, arguments = [], 0, 0
    for step in steps:
        match step:
            case ("name", name):
                lead = ", " if calls else "["
                pieces.append(lead + '{"name": ' + json.dumps(name, ensure_ascii=False))
                calls, arguments = calls + 1, 0
            case ("arg", key, value):
                lead = ", " if arguments else ', "arguments": {'
                pieces.append(lead + json.dumps(key, ensure_ascii=False) + ": " + value)
                arguments += 1
            case ("args_end",):
                pieces.append("}" if arguments else ', "arguments": {}')
            case ("call_end",):
                pieces.append("}")
            case ("end",):
                pieces.append("]" if calls else "[]")
    return pieces


MARKERS = {
    "name": "<FUNC_NAME>",
    "arg": "<ARG_VALUE>",
    "args_end": "<PARAM_FINISH>",
    "call_end": "<FUNC_FINISH>",
    "end": "<TOTAL_FINISH>",
}
