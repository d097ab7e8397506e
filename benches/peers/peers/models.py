"""The two models on transformers, as an able researcher would run them.

Two ways: `recompute` gives `generate` and the reward model whole sequences every round;
`prompt_cache` computes a search's prompt once per model and continues from a copy of its cache.
"""

import copy
import json
import pathlib
from dataclasses import dataclass, field

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria, StoppingCriteriaList
from transformers.cache_utils import DynamicCache

from .answer import ENDS_EXPANSION, MARKERS, render


@dataclass
class Count:
    """Tokens that a model computed, padding left out."""

    prefill: int = 0
    decode: int = 0

    def total(self):
        return self.prefill + self.decode


@dataclass
class Session:
    """One search's prompt, and its cache where one is kept."""

    prompt: list
    cache: object = None


@dataclass
class Beam:
    """A partial answer, as parsed and as the policy's tokens."""

    answer: object
    tokens: list = field(default_factory=list)
    log_probability: float = 0.0


# As Toolbeam's default: a row ends when so many tokens of a step are one pattern, four times over at least.
REPETITION_TOKENS, LEAST_REPEATS = 64, 4


def repeats(tokens):
    """Whether a step's tokens end in a pattern over and over."""
    for period in range(1, len(tokens) // LEAST_REPEATS + 1):
        length = max(REPETITION_TOKENS, LEAST_REPEATS * period)
        # The last token first: it rules most periods out.
        if tokens[-1] == tokens[-1 - period] and length <= len(tokens):
            tail = tokens[-length:]
            if tail[period:] == tail[:-period]:
                return True
    return False


class StopAtStep(StoppingCriteria):
    """Ends each row with the token that completes its next step, or when it only repeats itself."""

    def __init__(self, tokenizer, answers, to_end):
        self.tokenizer, self.to_end = tokenizer, to_end
        self.answers, self.done = answers, [False] * len(answers)
        self.lengths = [0] * len(answers)
        self.steps = [[] for _ in answers]

    def __call__(self, input_ids, scores, **_):
        new = self.tokenizer.batch_decode(input_ids[:, -1:])
        for row, text in enumerate(new):
            if self.done[row]:
                continue
            self.lengths[row] += 1
            if input_ids[row, -1] == self.tokenizer.eos_token_id:
                self.done[row] = True
                continue
            steps = self.answers[row].feed(text)
            stepped = any(step[0] in ENDS_EXPANSION for step in steps)
            self.steps[row] = [] if stepped else self.steps[row] + [input_ids[row, -1].item()]
            ended = stepped and not self.to_end
            of_use = self.answers[row].valid and not repeats(self.steps[row])
            self.done[row] = ended or self.answers[row].complete or not of_use
        return torch.tensor(self.done)


class Policy:
    """Proposes expansions."""

    def __init__(self, folder, keep_prompt, dtype):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        self.keep_prompt, self.count = keep_prompt, Count()

    def begin(self, messages, tools):
        prompt = self.tokenizer.apply_chat_template(
            messages, tools=tools, add_generation_prompt=True, tokenize=False
        )
        ids = self.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        # All but the last token: `generate` must have one to compute.
        return Session(ids, prompt_cache(self.model, ids[:-1], self.count) if self.keep_prompt else None)

    def expand(self, session, beams, expansions, temperature, to_end=False, max_tokens=256):
        """Continues every beam `expansions` times by a step: a list of beams for each."""
        rows = [beam for beam in beams for _ in range(expansions)]
        longest = max(len(beam.tokens) for beam in rows)
        # Left padding: between the cached prompt and the answer, or before everything.
        pad = [longest - len(beam.tokens) for beam in rows]
        eos = self.tokenizer.eos_token_id
        held = len(session.prompt) - 1 if self.keep_prompt else 0
        before, rest = session.prompt[:held], session.prompt[held:]
        ids = torch.tensor([before + [eos] * p + rest + beam.tokens for p, beam in zip(pad, rows)])
        mask = torch.tensor(
            [[1] * len(before) + [0] * p + [1] * (len(rest) + len(b.tokens)) for p, b in zip(pad, rows)]
        )
        self.count.prefill += sum(len(rest) + len(beam.tokens) for beam in rows)
        options = {}
        if session.cache is not None:
            cache = copy.deepcopy(session.cache)
            cache.batch_repeat_interleave(len(rows))
            options["past_key_values"] = cache
        stop = StopAtStep(self.tokenizer, [b.answer.copy() for b in rows], to_end)
        sampling = {"do_sample": False}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        out = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max_tokens,
            stopping_criteria=StoppingCriteriaList([stop]),
            return_dict_in_generate=True,
            output_logits=True,
            pad_token_id=eos,
            **sampling,
            **options,
        )
        new = out.sequences[:, ids.shape[1] :]
        logits = torch.stack(out.logits, 1).float().log_softmax(-1)
        chosen = logits.gather(-1, new.unsqueeze(-1)).squeeze(-1)
        self.count.decode += sum(stop.lengths)
        grown = []
        for row, beam in enumerate(rows):
            length = stop.lengths[row]
            grown.append(
                Beam(
                    stop.answers[row],
                    beam.tokens + new[row, :length].tolist(),
                    beam.log_probability + chosen[row, :length].sum().item(),
                )
            )
        return [grown[i : i + expansions] for i in range(0, len(grown), expansions)]


class RewardModel:
    """A ToolPRM: the probability of "+" at every step's marker."""

    def __init__(self, folder, keep_prompt, dtype):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        self.keep_prompt, self.count = keep_prompt, Count()
        single = lambda token: self.tokenizer.convert_tokens_to_ids(token)
        self.markers = {kind: single(token) for kind, token in MARKERS.items()}
        self.labels = torch.tensor([single("+"), single("-")])
        profile = json.loads((pathlib.Path(folder) / "toolbeam.json").read_text())
        self.temperature = profile["reward"].get("calibration", {}).get("temperature", 1.0)

    begin = Policy.begin

    def rewards(self, session, answers):
        """Rewards of all steps of each answer, in one batch of whole answers."""
        rows, places = [], []
        for steps in answers:
            tokens, places_here = [], []
            for piece, step in zip(render(steps), steps):
                tokens += self.tokenizer(piece, add_special_tokens=False)["input_ids"]
                places_here.append(len(tokens))
                tokens.append(self.markers[step[0]])
            rows.append(tokens)
            places.append(places_here)
        held = len(session.prompt) - 1 if self.keep_prompt else 0
        rest = session.prompt[held:]
        self.count.prefill += sum(len(rest) + len(row) for row in rows)
        longest = max(len(row) for row in rows)
        eos = self.tokenizer.eos_token_id
        ids = torch.tensor([rest + row + [eos] * (longest - len(row)) for row in rows])
        options = {}
        if self.keep_prompt:
            cache = copy.deepcopy(session.cache)
            cache.batch_repeat_interleave(len(rows))
            options["past_key_values"] = cache
        # Padding stands on the right, so that the causal mask alone is right.
        hidden = self.model.model(input_ids=ids, use_cache=self.keep_prompt, **options).last_hidden_state
        wanted = [(row, len(rest) + place) for row, here in enumerate(places) for place in here]
        chosen = hidden[[row for row, _ in wanted], [place for _, place in wanted]]
        weight = self.model.get_output_embeddings().weight[self.labels]
        positive = ((chosen @ weight.T).float() / self.temperature).softmax(-1)[:, 0].tolist()
        flat = iter(positive)
        return [[next(flat) for _ in here] for here in places]


def prompt_cache(model, prompt, count):
    """The keys and values of a prompt."""
    cache = DynamicCache(config=model.config)
    model.model(input_ids=torch.tensor([prompt]), past_key_values=cache, use_cache=True)
    count.prefill += len(prompt)
    return cache
