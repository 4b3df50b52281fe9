"""Compares internal/token with other libraries, interleaved, one thread each.

    python bench.py ../../../shared/data [TOKENIZER…]

A round makes each library's tokenizer anew, then encodes all documents of a kind (2 to
64 KB each, one by one) for the first time and again; the reference, which is slow, gets
the first 200 KB. Figures are medians of the rounds in MB per processor second, so that
others on the machine matter less.
"""

import os

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "GOMAXPROCS": "1"}

import itertools
import statistics
import subprocess
import sys
import time

import gigatoken
import tokie

import reference

ROUNDS = 5
SLICE = 200_000


class Pulse:
    """tools/token/rate, which runs beside."""

    def __init__(self, binary, path, data, kind):
        self.process = subprocess.Popen([binary, path, data, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        seconds, tokens = self.process.stdout.readline().split()
        return float(seconds), int(tokens)

    def round(self, texts):
        self.ask("load")
        return self.ask("pass"), self.ask("pass")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Library:
    """A Python package: load makes a tokenizer's function from a text to its ids."""

    def __init__(self, load):
        self.load = load

    def one_pass(self, encode, texts):
        start = time.process_time()
        tokens = sum(len(encode(text)) for text in texts)
        return time.process_time() - start, tokens

    def round(self, texts):
        encode = self.load()
        return self.one_pass(encode, texts), self.one_pass(encode, texts)


def load_reference(path):
    tokenizer = reference.load(path)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def load_tokie(path):
    tokenizer = tokie.Tokenizer.from_json(path)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def libraries(path):
    yield "reference", Library(lambda: load_reference(path))
    for name, load in (("gigatoken", lambda: gigatoken.Tokenizer(path).encode), ("tokie", lambda: load_tokie(path))):
        try:
            load()("a")
        except BaseException:  # tokenizers of other kinds; a Rust panic is no Exception
            continue
        yield name, Library(load)


def first_part(texts):
    size = itertools.accumulate(len(t.encode()) for t in texts)
    return [t for t, s in zip(texts, size) if s <= SLICE] or texts[:1]


def compare(binary, path, data, kind, texts):
    """name -> (MB per second at first sight, and again), medians."""
    parts = {"reference": first_part(texts)}
    all_libraries = dict(libraries(path), pulse=Pulse(binary, path, data, kind))
    rates = {name: ([], []) for name in all_libraries}
    for _ in range(ROUNDS):
        for name, library in all_libraries.items():
            part = parts.get(name, texts)
            size = sum(len(t.encode()) for t in part)
            for i, (seconds, _) in enumerate(library.round(part)):
                rates[name][i].append(size / 1e6 / seconds)
    all_libraries["pulse"].close()
    return {name: tuple(map(statistics.median, r)) for name, r in rates.items()}


def unpacked(name, path, folder):
    """The path, or that of a copy where the other libraries cannot read gzip."""
    if not path.endswith(".gz"):
        return path
    copy = os.path.join(folder, name + ".json")
    with open(copy, "w", encoding="utf-8") as f:
        f.write(reference.load(path).to_str())
    return copy


def main(data, *only):
    data = os.path.abspath(data)
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), ".venv")
    binary = os.path.join(folder, "rate")
    subprocess.run(["go", "build", "-o", binary, "./tools/token/rate"], cwd=reference.ROOT, check=True)
    documents = {}
    for line in reference.texts(data, "-documents"):
        documents.setdefault(line["set"], []).append(reference.text_of(line))
    print("MB per processor second, first sight / again; documents of 2 to 64 KB, one thread")
    print(f"{'tokenizer':18}{'texts':10}{'pulse':>15}{'gigatoken':>15}{'tokie':>15}{'reference':>15}{'times it':>10}")
    for name, path in reference.tokenizer_files(data).items():
        if path.startswith(reference.TESTDATA) or only and name not in only:
            continue
        path = unpacked(name, path, folder)
        for kind, texts in documents.items():
            rates = compare(binary, path, data, kind, texts)
            cells = [f"{rates[n][0]:.1f} / {rates[n][1]:.1f}" if n in rates else "-" for n in ("pulse", "gigatoken", "tokie", "reference")]
            times = rates["pulse"][1] / rates["reference"][1]
            print(f"{name:18}{kind:10}" + "".join(f"{c:>15}" for c in cells) + f"{times:>10.0f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
