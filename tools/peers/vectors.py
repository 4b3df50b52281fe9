"""Measures Pulse's vector index beside faiss, on the same vectors in one run.

    python vectors.py --repository . [--vectors 100000] [--dimension 256] [--kind text]

One thread, one query at a time; times are of the processor, so that what else the
machine does counts less. Recall is of the ten nearest by float32, where a
vector that scores what the tenth does counts for it. HNSW is shown at the first
efSearch that reaches the recall asked for.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

import faiss
import numpy as np

NEAREST = 10


def text_vectors(repository, count, dimension, rng):
    """Vectors of passages of 40 words: each word has a random vector, weighed by how
    rare it is. Passages are cut anew, from other places, until there are enough."""
    words, texts = [], []
    for name in sorted(repository.glob("../shared/data/ir/*/corpus.jsonl")):
        for line in name.open():
            page = json.loads(line)
            words.append(re.findall(r"\S+", (page.get("title", "") + " " + page["text"]).lower()))
    begin = 0
    while len(texts) < count:
        for page in words:
            texts += [page[i : i + 40] for i in range(begin, max(len(page) - 10, begin + 1), 40)]
        begin += 7
    order = rng.permutation(len(texts))[:count]
    texts = [texts[i] for i in order]
    frequency = {}
    for text in texts:
        for word in set(text):
            frequency[word] = frequency.get(word, 0) + 1
    numbers = {word: i for i, word in enumerate(frequency)}
    table = rng.standard_normal((len(numbers), dimension), dtype=np.float32)
    table *= np.log(len(texts) / np.array(list(frequency.values()), dtype=np.float32))[:, None]
    out = np.empty((count, dimension), dtype=np.float32)
    for i, text in enumerate(texts):
        out[i] = table[[numbers[word] for word in text]].sum(axis=0)
    return out


def clustered_vectors(count, dimension, rng):
    """Vectors around 200 centres, as far from them as the centres are long."""
    centres = rng.standard_normal((200, dimension), dtype=np.float32)
    out = rng.standard_normal((count, dimension), dtype=np.float32)
    out += centres[rng.integers(0, 200, count)]
    return out


def make(arguments):
    rng = np.random.default_rng(arguments.seed)
    count = arguments.vectors + arguments.queries
    if arguments.kind == "text":
        vectors = text_vectors(arguments.repository, count, arguments.dimension, rng)
    else:
        vectors = clustered_vectors(count, arguments.dimension, rng)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(norms == 0, 1, norms)
    vectors[norms[:, 0] == 0, 0] = 1
    return vectors[: -arguments.queries], vectors[-arguments.queries :]


def measure_pulse(arguments, base, queries):
    with tempfile.TemporaryDirectory() as folder:
        base.tofile(os.path.join(folder, "base.f32"))
        queries.tofile(os.path.join(folder, "queries.f32"))
        environment = dict(os.environ, PULSE_PEERS=folder, PULSE_DIMENSION=str(base.shape[1]), GOMAXPROCS="1")
        subprocess.run(
            ["go", "test", "-count=1", "-timeout=3h", "-run=^TestPeers$", "./internal/index/vector"],
            cwd=arguments.repository, env=environment, check=True, stdout=subprocess.DEVNULL,
        )
        result = json.loads(pathlib.Path(folder, "pulse.json").read_text())
    return result["Build"], result["Bytes"], np.array(result["Queries"]), np.array(result["Found"])


def measure_faiss(index, base, queries, search=None):
    began = time.thread_time()
    if not index.is_trained:
        index.train(base[:100_000])
    index.add(base)
    build = time.thread_time() - began
    times, found = search_faiss(index, queries)
    return build, len(faiss.serialize_index(index)), times, found


def search_faiss(index, queries):
    for _ in range(2):  # the first warms up
        times, found = [], []
        for query in queries:
            began = time.thread_time()
            _, numbers = index.search(query[None, :], NEAREST)
            times.append(time.thread_time() - began)
            found.append(numbers[0])
    return np.array(times), np.array(found)


def recall(base, queries, found, least):
    right = 0
    for query, numbers, floor in zip(queries, found, least):
        right += int((base[numbers] @ query >= floor - 1e-6).sum())
    return right / (len(queries) * NEAREST)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repository", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--kind", choices=["text", "clustered"], default="text")
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", default="", help="peers to leave out: sq8,hnsw")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)

    base, queries = make(arguments)
    dimension = base.shape[1]
    print(f"{len(base)} {arguments.kind} vectors of {dimension} numbers, {len(queries)} queries, one thread, processor time")
    print(f"{'':24}{'p50 ms':>9}{'p99 ms':>9}{'recall@10':>11}{'build s':>9}{'MB':>8}")

    def row(name, build, size, times, found):
        print(
            f"{name:24}{1e3 * np.median(times):9.3f}{1e3 * np.quantile(times, 0.99):9.3f}"
            f"{recall(base, queries, found, least):11.4f}{build:9.1f}{size / 1e6:8.0f}",
            flush=True,
        )

    product = faiss.METRIC_INNER_PRODUCT
    flat = measure_faiss(faiss.IndexFlat(dimension, product), base, queries)
    least = np.array([(base[numbers] @ query).min() for numbers, query in zip(flat[3], queries)])
    row("pulse", *measure_pulse(arguments, base, queries))
    row("faiss Flat", *flat)
    if "sq8" not in arguments.without:
        sq8 = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, product)
        row("faiss SQ8", *measure_faiss(sq8, base, queries))
    if "hnsw" not in arguments.without:
        hnsw = faiss.IndexHNSWFlat(dimension, 32, product)
        hnsw.hnsw.efConstruction = 200
        build, size, times, found = measure_faiss(hnsw, base, queries)
        for ef in [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]:
            hnsw.hnsw.efSearch = ef
            times, found = search_faiss(hnsw, queries)
            if recall(base, queries, found, least) >= arguments.recall:
                break
        row(f"faiss HNSW32 ef={ef}", build, size, times, found)


if __name__ == "__main__":
    main()
