"""Gather the training texts of the built-in model from Debian's documentation packages.

    corpus.py DOCS OUT [PAGES…]

DOCS holds one folder per unpacked package (see fetch.sh), PAGES are JSON Lines of pages
(.jsonl.gz with a "markdown" field). Two files are written:

    OUT/pairs.tsv      source \t anchor \t positive   heading and section, name and
                       definition, first sentence and the rest of its passage
    OUT/passages.txt   one passage a line, for the teacher

No text of a judged collection is read: that would flatter the figures.
"""

import gzip
import hashlib
import html
import json
import os
import random
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lxml import etree
from lxml import html as lxml_html

MAX_WORDS = 80  # of one passage
MIN_WORDS = 6
PER_SOURCE = 40_000  # pairs of one source: no manual drowns the others

SPACE = re.compile(r"\s+")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")


def tidy(text):
    return SPACE.sub(" ", text).strip()


def words(text):
    return text.count(" ") + 1 if text else 0


def passages(text):
    """Cut a section's text into passages of whole sentences."""
    part, size = [], 0
    for sentence in SENTENCE.split(tidy(text)):
        n = words(sentence)
        if size + n > MAX_WORDS and size >= MIN_WORDS:
            yield " ".join(part)
            part, size = [], 0
        part.append(" ".join(sentence.split(" ")[:MAX_WORDS]))
        size += min(n, MAX_WORDS)
    if size >= MIN_WORDS:
        yield " ".join(part)


def section_pairs(title, heading, text):
    """Heading and passage; first sentence and the rest."""
    for i, passage in enumerate(passages(text)):
        if i == 0 and heading:
            yield heading if words(heading) > 1 or not title else f"{title} {heading}", passage
        sentences = SENTENCE.split(passage, maxsplit=1)
        if len(sentences) == 2 and min(map(words, sentences)) >= MIN_WORDS:
            yield sentences[0], sentences[1]
        elif title and i:
            yield tidy(f"{title} {heading}"), passage


def html_pairs(path):
    """The sections of an HTML page, by its headings."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if len(data) > 4 << 20:
        return
    try:
        tree = lxml_html.fromstring(data)
    except (etree.LxmlError, ValueError):
        return
    for bad in tree.xpath("//script|//style|//nav|//header|//footer|//pre|//*[@class='sphinxsidebar' or @class='related' or @class='navheader' or @class='navfooter' or @role='navigation']"):
        bad.drop_tree()
    title = tidy(tree.findtext(".//title") or "")
    title = re.split(r" [—|»:–] | - ", title)[0]
    heading, text = "", []
    for node in tree.iter("h1", "h2", "h3", "h4", "dt", "p", "dd", "li", "td"):
        if node.tag in ("h1", "h2", "h3", "h4", "dt"):
            yield from section_pairs(title, heading, " ".join(text))
            heading, text = tidy(node.text_content()).rstrip("¶#").strip(), []
        elif node.tag == "p" or not node.findall(".//p"):
            text.append(node.text_content())
    yield from section_pairs(title, heading, " ".join(text))


def page_pairs(path):
    """A Mallard help topic: title, description and sections."""
    try:
        tree = etree.parse(str(path))
    except (etree.LxmlError, OSError):
        return
    for section in tree.getroot().iter("{*}page", "{*}section"):
        heading = tidy("".join(section.find("{*}title").itertext())) if section.find("{*}title") is not None else ""
        text = " ".join("".join(p.itertext()) for p in section.findall("{*}p") + section.findall(".//{*}desc"))
        yield from section_pairs("", heading, text)


TROFF = re.compile(r"\\f[BIRP]|\\f\[[^\]]*\]|\\[&|^%]|\\s[-+]?\d|\\\*\([a-z]{2}|\\\*.")


def man_pairs(path):
    """A manual page: its name line, and its sections."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
    except (OSError, EOFError):
        return
    name = path.name.split(".")[0]
    heading, text = "", []

    def flush():
        body = tidy(TROFF.sub("", " ".join(text)).replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\"))
        if heading == "NAME":
            left, _, right = body.partition(" - ")
            if right:
                yield left, right
        elif heading not in ("SEE ALSO", "COLOPHON", "SYNOPSIS", "COPYRIGHT", "AUTHOR", "AUTHORS"):
            yield from section_pairs(name, f"{name} {heading.lower()}", body)

    for line in lines:
        if line.startswith((".SH", ".Sh")):
            yield from flush()
            heading, text = line[3:].strip().strip('"').upper(), []
        elif line.startswith((".B ", ".I ", ".BR ", ".IR ", ".Nm ", ".Nd ", ".Fl ", ".Ar ")):
            text.append(("- " if line.startswith(".Nd") else "") + line.split(" ", 1)[1].replace('"', ""))
        elif not line.startswith((".", "'")):
            text.append(line)
    yield from flush()


def dict_pairs(folder):
    """dictd: the index names spans of a gzip file in base 64."""
    digits = {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}

    def number(s):
        n = 0
        for c in s:
            n = n * 64 + digits[c]
        return n

    for index in Path(folder).rglob("*.index"):
        data = gzip.open(index.with_suffix(".dict.dz")).read()
        for line in index.read_text("utf-8", "replace").splitlines():
            fields = line.split("\t")
            if len(fields) != 3 or fields[0].startswith("00-database"):
                continue
            at = number(fields[1])
            text = data[at : at + number(fields[2])].decode("utf-8", "replace")
            head, _, definition = text.partition("\n")
            definition = re.sub(r"\[1913 Webster\]|\[PJC\]|\([0-9-]{10}\)|[{}]", "", definition)
            for passage in passages(definition):
                yield fields[0], passage
                break


def wordnet_pairs(folder):
    for path in Path(folder).rglob("data.*"):
        for line in path.read_text("utf-8", "replace").splitlines():
            if line.startswith("  ") or "|" not in line:
                continue
            fields, gloss = line.split("|", 1)
            parts = fields.split(" ")
            names = [parts[4 + 2 * i].replace("_", " ") for i in range(int(parts[3], 16))]
            yield ", ".join(names[:3]), tidy(gloss)


def description_pairs():
    """Debian's package descriptions: synopsis and text."""
    dump = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, errors="replace", check=True).stdout
    for block in dump.split("\n\n"):
        m = re.search(r"^Description: (.*)\n((?: .*\n?)*)", block, re.M)
        name = re.search(r"^Package: (.*)$", block, re.M)
        if not m or not name:
            continue
        text = tidy(m.group(2).replace("\n .\n", " "))
        yield f"{name.group(1)} {m.group(1)}", text
        for passage in list(passages(text))[:1]:
            yield m.group(1), passage


def markdown_pairs(path):
    for line in gzip.open(path, "rt", encoding="utf-8"):
        page = json.loads(line)
        text = page.get("markdown") or page.get("text") or ""
        title = page.get("title") or ""
        text = re.sub(r"```.*?```", " ", text, flags=re.S)
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
        heading, body = "", []
        for row in text.splitlines() + ["# "]:
            if row.startswith("#"):
                yield from section_pairs(title, heading, re.sub(r"[*_`|]+", "", " ".join(body)))
                heading, body = row.strip("# ").strip(), []
            else:
                body.append(row)


def of_package(folder):
    """All pairs of one unpacked package."""
    name = Path(folder).name
    pairs = []
    if name.startswith("dict-"):
        pairs += dict_pairs(folder)
    elif name == "wordnet-base":
        pairs += wordnet_pairs(folder)
    else:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_symlink() or not path.is_file() or "changelog" in path.name:
                continue
            if path.name.endswith((".html", ".html.gz", ".xhtml")):
                pairs += html_pairs(path)
            elif path.suffix == ".page" and "/C/" in str(path):
                pairs += page_pairs(path)
            elif re.search(r"/man/man\d", str(path)) and path.suffix == ".gz":
                pairs += man_pairs(path)
            if len(pairs) > 20 * PER_SOURCE:
                break
    return name, pairs


def keep(source, pairs, rng):
    """Drop what says nothing and what comes twice, and draw at most PER_SOURCE."""
    seen, kept = set(), []
    for anchor, positive in pairs:
        anchor, positive = tidy(html.unescape(anchor)), tidy(html.unescape(positive))
        if not anchor or words(positive) < 4 or len(positive) > 1200 or anchor.lower() == positive.lower():
            continue
        letters = sum(c.isalpha() or c == " " for c in positive)
        if letters < 0.7 * len(positive):
            continue
        key = hashlib.blake2b(positive.lower().encode(), digest_size=8).digest()
        if key in seen:
            continue
        seen.add(key)
        kept.append((source, anchor[:300], positive))
    if len(kept) > PER_SOURCE:
        kept = rng.sample(kept, PER_SOURCE)
    return kept


def main():
    docs, out, pages = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    found = []
    with ProcessPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        for name, pairs in pool.map(of_package, sorted(str(d) for d in docs.iterdir() if d.is_dir())):
            kept = keep(name, pairs, rng)
            print(f"{name}: {len(pairs):,} pairs, {len(kept):,} kept", flush=True)
            found += kept
    found += keep("debian-packages", description_pairs(), rng)
    for path in pages:
        found += keep(Path(path).name, markdown_pairs(path), rng)
    rng.shuffle(found)
    with open(out / "pairs.tsv", "w", encoding="utf-8") as f:
        for source, anchor, positive in found:
            f.write(f"{source}\t{anchor}\t{positive}\n".replace("\r", " "))
    with open(out / "passages.txt", "w", encoding="utf-8") as f:
        for i, (_, anchor, positive) in enumerate(found):
            # A third of what the teacher reads is short, as queries are.
            f.write((anchor if i % 3 == 0 and words(anchor) > 1 else positive) + "\n")
    print(f"{len(found):,} pairs")


if __name__ == "__main__":
    main()
