"""Shows the texts on which internal/token and the reference differ, ten at most.

    python compare.py ../../../shared/data TOKENIZER [SET]

TOKENIZER is a name of the shared data or of testdata, SET a set's name, such as generated.
Shown are the first token that differs and the text around it.
"""

import os
import sys

import reference

SHOWN = 10


def spans(tokenizer, text):
    """(id, start, end) of each token by the reference, in bytes."""
    e = tokenizer.encode(text, add_special_tokens=False)
    at, places = 0, [0]
    for c in text:
        at += len(c.encode())
        places.append(at)
    return [[i, places[a], places[b]] for i, (a, b) in zip(e.ids, e.offsets)]


def main(data, name, only=""):
    data = os.path.abspath(data)
    path = reference.tokenizer_files(data)[name]
    tokenizer = reference.load(path)
    texts = shown = 0
    for line in reference.texts(data, "-tokenizer", path):
        if only and line["set"] != only or "bytes" in line:  # spans of invalid bytes are the tests' to compare
            continue
        texts += 1
        text, got = reference.text_of(line), line.get("tokens", [])
        if (want := spans(tokenizer, text)) == got:
            continue
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        start = (want[at - 1] if at else [0, 0, 0])[1]
        part = text.encode()[start : start + 80].decode(errors="replace")
        print(f"{line['set']} text {texts}: token {at}, near {ascii(part)}\n  got  {got[at:at + 6]}\n  want {want[at:at + 6]}")
        shown += 1
        if shown == SHOWN:
            break
    print(f"{texts} texts compared, {shown} differ")
    return shown


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
