"""Writes internal/token/testdata/golden: what the reference makes of every text.

    python golden.py ../../../shared/data [TOKENIZER…]

NAME.tsv has a line per set and block of 512 texts: set, block, hash of the ids, hash of
the offsets (in characters). A text is hashed as its number of tokens and its ids, and as
(start, end) per token, all 32-bit little-endian; a hash is the first 8 bytes of SHA-256. Tokenizers of testdata have
only the generated texts.
NAME.jsonl has the hand-picked texts of cases.jsonl in full. forms.tsv has hashes of the
generated texts in the four normalization forms, each text followed by a NUL byte.
"""

import array
import hashlib
import itertools
import json
import os
import sys

from tokenizers import normalizers

import reference

BLOCK = 512
GOLDEN = os.path.join(reference.TESTDATA, "golden")


def blocks(lines):
    """(set, number, texts) for each block."""
    for name, group in itertools.groupby(lines, key=lambda line: line["set"]):
        group = map(reference.text_of, group)
        number = 0
        while block := list(itertools.islice(group, BLOCK)):
            yield name, number, block
            number += 1


def words(numbers):
    out = array.array("I", numbers)
    if sys.byteorder == "big":
        out.byteswap()
    return out.tobytes()


def short(digest):
    return digest.hexdigest()[:16]


def block_row(tokenizer, name, number, block):
    ids, offsets = hashlib.sha256(), hashlib.sha256()
    for e in tokenizer.encode_batch(block, add_special_tokens=False):
        ids.update(words([len(e.ids), *e.ids]))
        offsets.update(words(itertools.chain.from_iterable(e.offsets)))
    return f"{name}\t{number}\t{short(ids)}\t{short(offsets)}\n"


def case_row(tokenizer, text):
    e = tokenizer.encode(text, add_special_tokens=False)
    special = tokenizer.encode(text, add_special_tokens=True)
    return json.dumps({"text": text, "ids": e.ids, "offsets": e.offsets, "special": special.ids}) + "\n"


def write(name, rows):
    with open(os.path.join(GOLDEN, name), "w", encoding="ascii") as f:
        f.writelines(rows)


def forms(all_blocks):
    rows = []
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        normalize = getattr(normalizers, form)().normalize_str
        for name, number, block in all_blocks:
            if name == "generated":
                digest = hashlib.sha256("".join(normalize(t) + "\0" for t in block).encode())
                rows.append(f"{form}\t{number}\t{short(digest)}\n")
    write("forms.tsv", rows)


def main(data, *only):
    all_blocks = list(blocks(reference.texts(data)))
    with open(os.path.join(reference.TESTDATA, "cases.jsonl"), encoding="utf-8") as f:
        cases = [json.loads(line) for line in f]
    for name, path in reference.tokenizer_files(data).items():
        if only and name not in only:
            continue
        tokenizer = reference.load(path)
        write(name + ".jsonl", (case_row(tokenizer, text) for text in cases))
        own = path.startswith(reference.TESTDATA)
        write(name + ".tsv", (block_row(tokenizer, *block) for block in all_blocks if not own or block[0] == "generated"))
        print(name, flush=True)
    if not only:
        forms(all_blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
