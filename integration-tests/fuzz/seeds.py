"""Writes the seeds anew: target/python/bin/python integration-tests/fuzz/seeds.py

Requests are messages of the contract; answers and schemas are those of the tests, in all their kinds.
"""

from pathlib import Path

from toolbeam.v1 import model_pb2, policy_pb2, prompt_pb2, scorer_pb2, search_pb2

SEEDS = Path(__file__).parent / "seeds"

ANSWERS = {
    "empty": "[]",
    "fenced": '```json\n[{"name": "f", "arguments": {}}]\n```\n',
    "two": '[{"name":"f","arguments":{"a":1,"b":[1.5e3,{"c":null}]}}, {"arguments":{},"name":"g.h"}]',
    "escapes": '[{"\\u006eame":"\\u00e9\\ud83d\\ude00\\/","arguments":{"":"","k\\n":-0,"a":1E+2}}]',
    "unfinished": '[{"name": "f", "arguments": {"a": tru',
    "unknown_key": '[{"id": 1}]',
    "blocks": "<think>one\n</think>\n\nLet me see.\n<tool_call>\n"
    '{"name": "f", "arguments": {"a": "x"}}\n</tool_call>\n<tool_call>{"arguments": {}, "name": "g"}</tool_call>',
    "text": "There is no function for that.",
}

SCHEMAS = {
    "none": ("", "{}"),
    "object": (
        '{"type": "object", "properties": {"a": {"type": "string", "enum": ["x", "y"]}, "b": {"type": "integer",'
        ' "minimum": 1, "exclusiveMaximum": true, "maximum": 5}}, "required": ["a"]}',
        '{"a": "x", "b": 5}',
    ),
    "refs": (
        '{"type": "object", "properties": {"a": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"anyOf": '
        '[{"type": "null"}, {"type": "array", "items": {"$ref": "#/$defs/t"}}]}}}',
        '{"a": [[null], []]}',
    ),
    "bfcl": (
        '{"type": "dict", "properties": {"a": {"type": "float", "default": 1}, "b": {"type": "tuple", "items": '
        '{"type": "integer"}}, "c": {"type": "any"}}, "required": ["a", "b"]}',
        '{"a": 1, "b": [1, 2.0]}',
    ),
    "flat": (
        '{"a": {"type": "List[Tuple[int, str]]", "required": true}, "b": {"type": "str, optional", "default": ""}}',
        '{"a": [[1, "x"]]}',
    ),
    "pattern": (
        '{"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}, "additionalProperties": '
        '{"type": ["number", "null"]}}',
        '{"a": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "b": 1e3}',
    ),
    "remote": ('{"type": "object", "properties": {"a": {"$ref": "http://x/y"}}}', "{}"),
    "applicators": (
        '{"type": "object", "oneOf": [{"required": ["a"]}, {"not": {"required": ["b"]}}], "patternProperties": '
        '{"^x": {"type": "string"}}, "dependentRequired": {"a": ["b"]}, "unevaluatedProperties": false}',
        '{"a": 1, "b": {"c": [true]}}',
    ),
}

PROMPT = prompt_pb2.Prompt(
    messages=[
        prompt_pb2.Message(role=prompt_pb2.ROLE_SYSTEM, content="Be brief."),
        prompt_pb2.Message(role=prompt_pb2.ROLE_USER, content="Wetter in Zürich <|im_end|>?"),
        prompt_pb2.Message(
            role=prompt_pb2.ROLE_ASSISTANT,
            tool_calls=[
                prompt_pb2.FunctionCall(name="get_weather", arguments='{"city": "Z", "n": 1.0}', id="1")
            ],
        ),
        prompt_pb2.Message(role=prompt_pb2.ROLE_TOOL, content="rain", tool_call_id="1", name="get_weather"),
        prompt_pb2.Message(role=prompt_pb2.ROLE_USER, content="And in Oslo?"),
    ],
    tools=[
        prompt_pb2.Tool(name="get_weather", description="The weather", parameters=SCHEMAS["object"][0]),
        prompt_pb2.Tool(name="g.h", parameters=SCHEMAS["flat"][0]),
    ],
)
SHORT = prompt_pb2.Prompt(
    messages=[prompt_pb2.Message(role=prompt_pb2.ROLE_USER, content="hello")],
    tools=[prompt_pb2.Tool(name="f")],
)
STEPS = [
    model_pb2.Step(marker=1, name="f"),
    model_pb2.Step(marker=2, key="a", value='{"b": [1.5e3, null]}'),
    model_pb2.Step(marker=3),
    model_pb2.Step(marker=4),
    model_pb2.Step(marker=5),
]

SEARCHES = {
    "short": search_pb2.SearchRequest(prompt=SHORT),
    "full": search_pb2.SearchRequest(
        search_id="a search",
        prompt=PROMPT,
        tool_choice=search_pb2.ToolChoice(named="get_weather"),
        max_calls=2,
        strategy=search_pb2.Strategy(
            kind=search_pb2.STRATEGY_KIND_FINE_GRAINED_BEAM,
            num_beams=2,
            expansions_per_beam=8,
            aggregation=search_pb2.AGGREGATION_MEAN,
            scope=search_pb2.REWARD_SCOPE_PATH,
        ),
        sampling=policy_pb2.Sampling(temperature=0.8, top_p=0.9, top_k=40),
        seed=1,
        limits=search_pb2.Limits(max_rounds=3, max_policy_tokens=9, max_duration={"seconds": 3, "nanos": -1}),
        num_answers=3,
        model="a model",
        constraint=policy_pb2.CONSTRAINT_OFF,
        validation=search_pb2.VALIDATION_SYNTAX,
        deterministic=True,
        trace=True,
    ),
    "wrong": search_pb2.SearchRequest(
        search_id="a\nb",
        prompt=prompt_pb2.Prompt(
            messages=[prompt_pb2.Message(role=0)], tools=[prompt_pb2.Tool(parameters="{")]
        ),
        sampling=policy_pb2.Sampling(temperature=float("nan"), top_p=0),
        num_answers=0,
    ),
}

EXPANDS = {
    "root": policy_pb2.ExpandRequest(
        prompt=prompt_pb2.PromptRef(inline=PROMPT), beams=[policy_pb2.PartialAnswer()], expansions_per_beam=4
    ),
    "partial": policy_pb2.ExpandRequest(
        search_id="a search",
        prompt=prompt_pb2.PromptRef(inline=SHORT),
        beams=[
            policy_pb2.PartialAnswer(text=b'[{"name": "f", "arguments": {"a": '),
            policy_pb2.PartialAnswer(token_ids=[62, 300]),
        ],
        expansions_per_beam=1,
        sampling=policy_pb2.Sampling(temperature=0, top_p=1),
        seed=7,
        stop_at=policy_pb2.STOP_AT_ANSWER,
        max_tokens=16,
        deterministic=True,
    ),
    "digest": policy_pb2.ExpandRequest(prompt=prompt_pb2.PromptRef(digest=bytes(range(32)))),
}

SCORES = {
    "whole": scorer_pb2.ScoreRequest(
        search_id="a search",
        prompt=prompt_pb2.PromptRef(inline=SHORT),
        answers=[
            scorer_pb2.ParsedAnswer(steps=STEPS, first_step=1),
            scorer_pb2.ParsedAnswer(steps=STEPS[-1:]),
        ],
    ),
    "misplaced": scorer_pb2.ScoreRequest(
        answers=[scorer_pb2.ParsedAnswer(steps=STEPS[::-1], first_step=9)], deterministic=True
    ),
}

BFCL_OUTPUTS = {
    "every_kind": '[{"name": "f.g", "arguments": {"s": "a b", "i": 1, "n": 1.5, "b": true, "a": ["x", "y"], '
    '"l": [[1], [2, 3]], "d": {"x": 1}, "o": [{"k": "v"}, {"k": 1}], "t": [1.0, 2.0], "y": null}}]',
    "two": '```\n[{"name": "h", "arguments": {}}, {"name": "f.g", "arguments": {"s": "its"}}]\n```',
    "text": "No function fits.",
    "arguments_text": '[{"name": "f.g", "arguments": "{}"}]',
    "object": '{"f.g": {"s": NaN}}',
}


def seeds() -> dict[str, dict[str, bytes]]:
    """The bytes of every seed, by target and name."""

    def messages(named: dict) -> dict[str, bytes]:
        return {name: message.SerializeToString(deterministic=True) for name, message in named.items()}

    ids = {
        "named": search_pb2.CancelSearchRequest(search_id="a search"),
        "control": search_pb2.CancelSearchRequest(search_id="\x07"),
    }
    schemas = {name: b"\x00" + "\0".join(texts).encode() for name, texts in SCHEMAS.items()}
    schemas |= {"structured": b"\x01" + bytes(range(64)) * 4}
    return {
        # The first byte says how the rest is cut, or that it is text.
        "answers": {name: b"\x02" + text.encode() for name, text in ANSWERS.items()},
        # Schemas, and behind them arguments, or the choices by which an answer is written.
        "schemas": schemas,
        "constraints": schemas,
        "search": messages(SEARCHES),
        "cancel_search": messages(ids),
        "release": messages(ids),
        "expand": messages(EXPANDS),
        "score": messages(SCORES),
        "bfcl_outputs": {name: text.encode() for name, text in BFCL_OUTPUTS.items()},
        "templates": messages({"full": PROMPT, "short": SHORT}),
    }


if __name__ == "__main__":
    for target, named in seeds().items():
        folder = SEEDS / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, data in named.items():
            (folder / name).write_bytes(data)
