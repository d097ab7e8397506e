"""Model folders on which every sequence decodes as long as it is asked to."""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

# Ends a turn in the copies; the models do not write it.
END = "<|endoftext|>"

# Some 100 million parameters, with the reference models' vocabulary.
RANDOM = {
    "vocab_size": 8192,
    "hidden_size": 768,
    "intermediate_size": 2304,
    "num_hidden_layers": 14,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
}


def endless(source, cache):
    """A copy of a folder that ends its turns with END alone."""
    with tempfile.TemporaryDirectory(dir=cache) as made:
        shutil.copytree(source, made, dirs_exist_ok=True)
        never_end(Path(made))
        return keep(made, Path(cache, Path(source).name))


def random_qwen2(source, cache):
    """A random Qwen2 with the tokenizer and template of a folder; made once."""
    folder = Path(cache, "random-qwen2-100m")
    made_of = folder / "made_of.json"
    if made_of.is_file() and json.loads(made_of.read_text()) == RANDOM:
        return folder
    with tempfile.TemporaryDirectory(dir=cache) as made:
        for file in Path(source).iterdir():
            if file.suffix != ".safetensors":
                shutil.copy(file, made)
        torch.manual_seed(0)
        Qwen2ForCausalLM(Qwen2Config(**RANDOM)).to(torch.bfloat16).save_pretrained(made)
        never_end(Path(made))
        Path(made, made_of.name).write_text(json.dumps(RANDOM))
        return keep(made, folder)


def keep(made, folder):
    """Puts a folder that was made where it stays."""
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(made, folder))


def never_end(folder):
    """Makes END the only token that ends a turn, and the only special one, for both sides.

    A token that is special but no end would end Toolbeam's sequences, and nobody else's.
    """
    tokenizer = edit(folder / "tokenizer.json", lambda it: [mark(token) for token in it["added_tokens"]])
    [end] = [token["id"] for token in tokenizer["added_tokens"] if token["special"]]
    edit(folder / "config.json", lambda it: it.update(eos_token_id=end, pad_token_id=end))
    edit(folder / "generation_config.json", lambda it: it.update(eos_token_id=end, pad_token_id=end))
    profile = {"answer_layout": "json_list", "preset": "none", "end_tokens": [END]}
    (folder / "toolbeam.json").write_text(json.dumps(profile))


def mark(token):
    token["special"] = token["content"] == END


def edit(path, change):
    """Changes a JSON file in place; its new content."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=2))
    return content
