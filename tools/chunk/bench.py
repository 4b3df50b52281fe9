"""Chunks real pages with Pulse and with semantic-text-splitter over the reference
tokenizer, in turns, and prints megabytes per second of processor time for both.

    python bench.py RATE-PROGRAM SHARED
"""

import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from semantic_text_splitter import MarkdownSplitter
from tokenizers import Tokenizer

ROUNDS = 3
PAGES = 40


def texts(shared):
    with gzip.open(shared / "data/pages/k8s-en.jsonl.gz", "rt") as f:
        pages = [json.loads(line)["markdown"] for line in f]
    step = len(pages) // PAGES
    return pages[::step][:PAGES]


def splitter_rate(splitter, pages):
    start = time.process_time()
    for page in pages:
        splitter.chunks(page)
    return sum(len(p.encode()) for p in pages) / 1e6 / (time.process_time() - start)


def main():
    program, shared = sys.argv[1], pathlib.Path(sys.argv[2])
    pages = texts(shared)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
        for page in pages:
            f.write(json.dumps({"text": page}) + "\n")
        f.flush()
        for name, file in [("all-MiniLM-L6-v2", "tokenizer.json"), ("qwen3-embedding", "tokenizer.assembled.json.gz")]:
            folder = shared / "data/tokenizers" / name
            data = (folder / file).read_bytes()
            definition = gzip.decompress(data) if file.endswith(".gz") else data
            tokenizer = Tokenizer.from_str(definition.decode())
            tokenizer.no_truncation()
            tokenizer.no_padding()
            for limit in (256, 512):
                splitter = MarkdownSplitter.from_huggingface_tokenizer(tokenizer, limit)
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    theirs.append(splitter_rate(splitter, pages))
                    out = subprocess.run([program, folder, str(limit), f.name], check=True, capture_output=True, text=True)
                    ours.append(float(out.stdout))
                a, b = statistics.median(ours), statistics.median(theirs)
                print(f"{name} at {limit} tokens: pulse {a:.1f} MB/cpu-s, semantic-text-splitter {b:.3f}: {a / b:.0f} times", flush=True)


main()
