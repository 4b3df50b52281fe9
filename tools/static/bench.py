"""How fast the built-in model is beside the reference: Hugging Face's tokenizer, and numpy
for the sums, over the same table.

    bench.py SHARED [ROUNDS]

2,000 chunks of 256 tokens of scifact, one thread each, in turns, by processor time. The other
side is BenchmarkVector of internal/embed/static, which takes the same chunks.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np  # noqa: E402: the number of threads comes first

from quality import Table  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CHUNKS, TOKENS = 2000, 256


def chunks(table, shared):
    out = []
    with open(shared / "data" / "ir" / "scifact" / "corpus.jsonl", encoding="utf-8") as f:
        for line in f:
            text = json.loads(line)["text"]
            e = table.tokens.encode(text, add_special_tokens=False)
            if len(e.ids) >= TOKENS and len(out) < CHUNKS:
                out.append(text[: e.offsets[TOKENS - 1][1]])
    return out


def reference(table, texts):
    """Chunks a second of processor time."""
    begin = time.process_time()
    for text in texts:
        v = table.rows[table.tokens.encode(text, add_special_tokens=False).ids].sum(0)
        v /= np.linalg.norm(v)
    return len(texts) / (time.process_time() - begin)


def pulse(binary, turns):
    """Chunks a second of processor time, and allocations a chunk."""
    command = [binary, "-test.run", "^$", "-test.bench", "Vector/whole", "-test.benchtime", f"{turns}x", "-test.cpu", "1"]
    out = subprocess.run(command, cwd=ROOT / "internal" / "embed" / "static", capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"([0-9.e+]+) chunks/cpu-s", out)[1])
    return rate, int(re.search(r"(\d+) allocs/op", out)[1])


def main():
    shared, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    table = Table(ROOT / "internal" / "embed" / "static" / "model.bin")
    texts = chunks(table, shared)
    binary = str(ROOT / "bin" / "static.test")
    subprocess.run(["go", "test", "-c", "-o", binary, "./internal/embed/static"], cwd=ROOT, check=True)
    theirs, ours, allocations = [], [], 0
    for _ in range(rounds):
        theirs.append(reference(table, texts))
        rate, allocations = pulse(binary, 10 * CHUNKS)
        ours.append(rate)
    a, b = statistics.median(theirs), statistics.median(ours)
    print(f"chunks of {TOKENS} tokens per processor second, medians of {rounds}")
    print(f"reference tokenizer and numpy\t{a:,.0f}\t({min(theirs):,.0f}–{max(theirs):,.0f})")
    print(f"pulse\t{b:,.0f}\t({min(ours):,.0f}–{max(ours):,.0f}), {allocations} allocation a chunk: its result")
    print(f"ratio\t{b / a:.1f}")


if __name__ == "__main__":
    main()
