"""The cases of `peers.tokens` on transformers, as an able researcher would run them."""

import time

import torch
from transformers import AutoModelForCausalLM
from transformers.cache_utils import DynamicCache


class Transformers:
    """A model in one dtype: `generate` with its KV cache over whole batches, attention by default."""

    def __init__(self, folder, dtype, device):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        self.model, self.device = model.to(device).eval(), device
        self.end = model.config.eos_token_id

    def measure(self, case, tokens, seed):
        """Tokens and seconds of a run with new random prompts."""
        random = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            return getattr(self, case.kind.replace("-", "_"))(case, tokens, random)

    def decode(self, case, tokens, random):
        ids = self.draw((case.batch, case.prompt_tokens), random)
        return self.generate(ids, tokens)

    def shared_prompt(self, case, tokens, random):
        # The prompt is computed once and its cache repeated, both before the clock starts.
        prompt = self.draw((1, case.prompt_tokens), random)
        cache = DynamicCache(config=self.model.config)
        self.model(prompt, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(case.batch)
        first = torch.randperm(self.end, generator=random)[: case.batch, None].to(self.device)
        ids = torch.cat([prompt.expand(case.batch, -1), first], 1)
        return self.generate(ids, tokens, past_key_values=cache)

    def prefill(self, case, _, random):
        ids = self.draw((case.batch, case.prompt_tokens), random)
        start = time.perf_counter()
        self.model(ids, logits_to_keep=1).logits.float().cpu()
        return ids.numel(), time.perf_counter() - start

    def generate(self, ids, tokens, **options):
        start = time.perf_counter()
        out = self.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            do_sample=False,
            **options,
        ).cpu()
        seconds = time.perf_counter() - start
        new = out[:, ids.shape[1] :]
        # A row that has ended is filled up with the token that ended it.
        return int((new != self.end).sum()), seconds

    def draw(self, shape, random):
        # The tokens from the end token on are no text.
        return torch.randint(self.end, shape, generator=random).to(self.device)
