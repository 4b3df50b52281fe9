"""Trains the small tokenizers of internal/token/testdata/tokenizers, which need no other file.

They have the shapes that the shared tokenizers lack: other normalizers, pre-tokenizers and
options. Training is deterministic for one version of the reference.

    python tiny.py
"""

import itertools
import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import reference
import tables

FOLDER = os.path.join(reference.TESTDATA, "tokenizers")


def corpus():
    """The repository's own texts, and the hand-picked ones."""
    for name in ("README.md", "ARCHITECTURE.md"):
        with open(os.path.join(reference.ROOT, name), encoding="utf-8") as f:
            yield from f.read().split("\n\n")
    with open(os.path.join(reference.TESTDATA, "cases.jsonl"), encoding="utf-8") as f:
        yield from map(json.loads, f)


def unigram(normalizer, pre_tokenizer, special, **options):
    t = Tokenizer(models.Unigram())
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    trainer = trainers.UnigramTrainer(vocab_size=600, special_tokens=special, unk_token=special[0], show_progress=False)
    t.train_from_iterator(corpus(), trainer)
    d = json.loads(t.to_str())
    d["model"].update(options)
    return d


def word_piece(normalizer, pre_tokenizer, **options):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", **options))
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    trainer = trainers.WordPieceTrainer(
        vocab_size=700, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False,
        continuing_subword_prefix=options.get("continuing_subword_prefix", "##"),
    )
    t.train_from_iterator(corpus(), trainer)
    t.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return json.loads(t.to_str())


def with_bytes(d):
    """Adds the 256 byte tokens that byte_fallback needs."""
    d["model"]["vocab"] += [[f"<0x{b:02X}>", -20.0] for b in range(256)]
    return d


def bpe(normalizer, pre_tokenizer, alphabet=(), added=(), **options):
    t = Tokenizer(models.BPE(unk_token=options.get("unk_token")))
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    special = [options["unk_token"]] if "unk_token" in options else ["<|end|>"]
    t.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, initial_alphabet=list(alphabet), show_progress=False))
    t.add_tokens(list(added))
    d = json.loads(t.to_str())
    d["model"].update(options)
    return d


def with_byte_names(d):
    """Adds the tokens that byte_fallback of BPE needs."""
    vocab = d["model"]["vocab"]
    top = max(vocab.values(), default=-1) + 1
    vocab.update({f"<0x{b:02X}>": top + b for b in range(256)})
    return d


def with_words(d, *words):
    """Adds tokens that no merge makes."""
    vocab = d["model"]["vocab"]
    top = max([*vocab.values(), *(t["id"] for t in d["added_tokens"])]) + 1
    vocab.update({word: top + i for i, word in enumerate(words)})
    return d


CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MARKS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def bpe_shapes():
    Seq, Split, Byte = pre_tokenizers.Sequence, pre_tokenizers.Split, pre_tokenizers.ByteLevel
    alphabet = Byte.alphabet()
    byte_level = lambda *splits: Seq([*splits, Byte(add_prefix_space=False, use_regex=False)])
    added = [
        AddedToken("[ONE]", single_word=True, normalized=False), AddedToken("[LEFT]", lstrip=True, normalized=False),
        AddedToken("[RIGHT]", rstrip=True, normalized=False), AddedToken("the", single_word=True), AddedToken("  ", normalized=True),
    ]
    # As Llama 3, with tokens that only ignore_merges finds, and every kind of added token.
    yield "bpe-cl100k", with_words(
        bpe(None, byte_level(Split(Regex(CL100K), "isolated")), alphabet, added, ignore_merges=True),
        "\u0120International", "\u00e4\u00b8\u0143\u00e6\u0138\u0129", "zzzz", "123", "d0ai")
    yield "bpe-marks", bpe(normalizers.NFC(), byte_level(Split(Regex(MARKS), "isolated")), alphabet)
    yield "bpe-roberta", bpe(None, Byte(add_prefix_space=True), alphabet, [AddedToken("<mask>", lstrip=True, normalized=False)])
    yield "bpe-steps", bpe(
        normalizers.Sequence([normalizers.NFD(), normalizers.Replace("...", "\u2026"), normalizers.Prepend("_")]),
        Seq([pre_tokenizers.Digits(True), Split(Regex(r"\p{N}{1,3}|[^\s]-"), "merged_with_previous", invert=False),
             Split(" ", "merged_with_next"), Split(Regex(r"\s+"), "contiguous", invert=True), Byte(add_prefix_space=False)]),
        alphabet)
    yield "bpe-metaspace", with_byte_names(bpe(
        None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    yield "bpe-metaspace-split", with_byte_names(bpe(
        None, pre_tokenizers.Metaspace(), unk_token="<unk>", byte_fallback=True))
    yield "bpe-unknown", bpe(normalizers.Lowercase(), pre_tokenizers.Whitespace(), unk_token="<unk>", fuse_unk=True)
    yield "bpe-unknown-each", bpe(normalizers.Strip(), pre_tokenizers.Punctuation("removed"), unk_token="<unk>")


def charsmap():
    """Keys that end others, empty values, clusters: a charsmap small enough to keep."""
    return tables.charsmap({
        "\u00e9": "e", "e\u0301": "E", "\u212b": "\u00c5", "\ufb01": "fi", "\u2122": "TM", "\x01": "", "\x1e": "", "\n": " ",
        "\r": " ", "\t": " ", "\u200b": " ", "\u00ad": "", "\u3000": " ", "\uff21": "A", "\u30ab": "ka", "\u30ab\u3099": "ga",
        "a\u0308\u0301": "x", "\u0e33": "am", "\u0600": "n",
    })


def shapes():
    Bert, Seq = normalizers.BertNormalizer, pre_tokenizers.Sequence
    metaspace = lambda **options: pre_tokenizers.Metaspace(**options)
    words = Seq([pre_tokenizers.WhitespaceSplit(), metaspace()])
    yield "unigram-t5", unigram(normalizers.Precompiled(charsmap()), words, ["<unk>", "<pad>", "</s>"])
    yield "unigram-albert", unigram(
        normalizers.Sequence([
            normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
            normalizers.Lowercase(), normalizers.Precompiled(charsmap()),
        ]), words, ["<unk>", "[CLS]", "[SEP]"])
    yield "unigram-nfc", unigram(normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]), words, ["<unk>", "<s>"])
    yield "unigram-bytes", with_bytes(unigram(
        normalizers.Sequence([normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")]),
        metaspace(prepend_scheme="first"), ["<unk>"], byte_fallback=True))
    yield "unigram-unsplit", unigram(normalizers.Strip(), metaspace(prepend_scheme="never", split=False), ["<unk>"])
    yield "bert-raw", word_piece(
        Bert(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True), pre_tokenizers.BertPreTokenizer())
    yield "bert-accents", word_piece(
        Bert(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=False), pre_tokenizers.BertPreTokenizer(),
        max_input_chars_per_word=12)
    yield "wordpiece-whitespace", word_piece(
        normalizers.Lowercase(), pre_tokenizers.Whitespace(), continuing_subword_prefix="")
    yield "wordpiece-digits", word_piece(
        normalizers.NFD(), Seq([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.Digits(True)]))


if __name__ == "__main__":
    for name, definition in itertools.chain(shapes(), bpe_shapes()):
        os.makedirs(os.path.join(FOLDER, name), exist_ok=True)
        with open(os.path.join(FOLDER, name, "tokenizer.json"), "w", encoding="utf-8") as f:
            json.dump(definition, f, ensure_ascii=False, separators=(",", ":"))
        print(name)
