"""Small Model2Vec folders, and what the reference makes of texts.

    golden.py OUT

Writes OUT/<name>/{config.json,tokenizer.json,model.safetensors} by the model2vec package,
and OUT/<name>/vectors.json: {"texts": […], "vectors": [[…], …]}. The folders are
testdata of internal/embed/static.
"""

import json
import sys
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

WORDS = "the a of to in and pod node volume claim network policy service cluster start stop restart ##ed ##ing ##s un ##able".split()
TEXTS = [
    "The pod restarted.", "unable to start the services", "a node in the cluster", "network policy", "zebra", "", "volume volume zebra claims",
    "the " * 300,
]


def tokenizer():
    vocabulary = {w: i for i, w in enumerate(["[PAD]", "[UNK]", ".", *WORDS])}
    t = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return t, len(vocabulary)


def main():
    out, rng = Path(sys.argv[1]), np.random.default_rng(5)
    t, n = tokenizer()
    rows = rng.normal(size=(n, 40)).astype(np.float32)  # 40: no whole block of the accumulator
    folders = {
        "f32": dict(vectors=rows, normalize=True),
        "f16": dict(vectors=rows.astype(np.float16), normalize=True),
        "i8": dict(vectors=np.rint(rows * 30).astype(np.int8), normalize=True),
        "mean": dict(vectors=rows, normalize=False),
        "mapped": dict(vectors=rows[:7], normalize=True, weights=rng.uniform(0.1, 2, n), token_mapping=np.arange(n) % 7),
    }
    for name, parts in folders.items():
        model = StaticModel(tokenizer=t, config={}, **parts)
        model.save_pretrained(out / name)
        for extra in ("README.md", "modules.json"):
            (out / name / extra).unlink(missing_ok=True)
        vectors = model.encode(TEXTS).astype(np.float32)
        (out / name / "vectors.json").write_text(json.dumps({"texts": TEXTS, "vectors": vectors.tolist()}))


if __name__ == "__main__":
    main()
