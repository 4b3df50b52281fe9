"""Measures Pulse's keyword index beside tantivy and bleve, on the same passages in one run.

    python bm25.py --repository . [--passages 100000]

One thread, one query at a time, by the processor time of the thread; the ten best of an OR of 3 to 5 neighbouring words of a
random passage: "content" words are none of the commonest and have four letters at
least, "all" words are as they come. tantivy's queries are parsed before they are timed;
Pulse's and bleve's times have the parsing in them.
"""

import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import time

import tantivy

PASSAGE_BYTES = 1000
QUERIES = 1000
STOP = set(
    "the and for that this with are was not you have from but all can will which been their there were when what "
    "your more than into then they them some its also about such only other these those where would could should".split()
)


def source_texts(repository):
    """The source and documents of Go and of Python's library, and the judged collections
    where they are."""
    root = pathlib.Path(subprocess.check_output(["go", "env", "GOROOT"], text=True).strip())
    for pattern in ("**/*.go", "**/*.md", "**/*.txt", "**/*.html"):
        for name in sorted(root.glob(pattern)):
            if name.is_file() and name.stat().st_size < 1 << 20:
                yield name.read_text(errors="ignore")
    for name in sorted(pathlib.Path(os.__file__).parent.glob("**/*.py")):
        if "site-packages" not in name.parts and name.stat().st_size < 1 << 20:
            yield name.read_text(errors="ignore")
    for name in sorted(repository.glob("../shared/data/ir/*/corpus.jsonl")):
        for line in name.open():
            page = json.loads(line)
            yield page.get("title", "") + "\n" + page["text"]


def passages(repository, count, rng):
    found = []
    for text in source_texts(repository):
        piece = ""
        for line in text.splitlines():
            piece += line[:PASSAGE_BYTES] + "\n"
            if len(piece) >= PASSAGE_BYTES * 0.95:
                found.append(piece)
                piece = ""
    found = sorted(set(found))
    rng.shuffle(found)
    return found[:count]


def queries(texts, content, rng):
    found = []
    while len(found) < QUERIES:
        words = [w for w in re.findall(r"[^\W_]+", rng.choice(texts)) if w.isascii()]
        if content:
            words = [w for w in words if len(w) >= 4 and w.isalpha() and w.lower() not in STOP]
        n = rng.randint(3, 5)
        if len(words) < n:
            continue
        at = rng.randrange(len(words) - n + 1)
        found.append(" ".join(words[at : at + n]).lower())
    return found


def any_of(schema, words):
    """The query for any of the words, where the parser would take some for its own."""
    terms = [tantivy.Query.term_query(schema, "text", w) for w in words]
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, t) for t in terms])


def measure_tantivy(texts, sets):
    schema = tantivy.SchemaBuilder().add_text_field("text", stored=False).build()
    index = tantivy.Index(schema)
    cpu = time.process_time()
    writer = index.writer(heap_size=512 << 20, num_threads=1)
    for text in texts:
        writer.add_document(tantivy.Document(text=[text]))
    writer.commit()
    writer.wait_merging_threads()
    cpu = time.process_time() - cpu
    index.reload()
    searcher = index.searcher()
    times = {}
    for name, set_ in sets.items():
        parsed = [any_of(schema, q.split()) for q in set_]
        for _ in range(2):  # the first warms up
            times[name] = []
            for query in parsed:
                began = time.thread_time()
                searcher.search(query, 10, count=False)
                times[name].append(time.thread_time() - began)
    return {"index_cpu": cpu, "times": times}


def run(command, folder, cwd, result):
    env = dict(os.environ, PULSE_PEERS=str(folder), GOMAXPROCS="1")
    subprocess.run(command, cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / result).read_text())


def row(name, megabytes, measured):
    cells = [name, f"{megabytes / measured['index_cpu']:.1f}"]
    for times in measured["times"].values():
        times = sorted(times)
        cells += [f"{1e3 * times[len(times) // 2]:.3f}", f"{1e3 * times[len(times) * 99 // 100]:.3f}"]
    print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repository", type=pathlib.Path, required=True)
    parser.add_argument("--passages", type=int, default=100_000)
    options = parser.parse_args()
    repository = options.repository.resolve()
    rng = random.Random(1)
    texts = passages(repository, options.passages, rng)
    megabytes = sum(len(t.encode()) for t in texts) / 1e6
    sets = {"content": queries(texts, True, rng), "all": queries(texts, False, rng)}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "passages.json").write_text(json.dumps(texts))
        (folder / "queries.json").write_text(json.dumps(sets))
        print(f"{len(texts)} passages, {megabytes:.1f} MB; milliseconds\n")
        print("| engine | indexing MB/s of CPU | content p50 | p99 | all p50 | p99 |\n|---|---|---|---|---|---|")
        pulse = run(["go", "test", "-count=1", "-run", "^TestPeers$", "./internal/index/keyword"], folder, repository, "pulse.json")
        for name, measured in pulse.items():
            row("pulse, " + name, megabytes, measured)
        row("tantivy " + tantivy.__version__, megabytes, measure_tantivy(texts, sets))
        bleve = run(["go", "run", "."], folder, repository / "tools/peers/bleve", "bleve.json")
        for name, measured in bleve.items():
            row("bleve, " + name, megabytes, measured)


if __name__ == "__main__":
    main()
