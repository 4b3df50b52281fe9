"""Trains the small tokenizers of internal/token/testdata/tokenizers, which need no other file.

They have the shapes that the shared tokenizers lack: other normalizers, pre-tokenizers and
options. Training is deterministic for one version of the reference.

    python tiny.py
"""

import json
import os

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

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
    for name, definition in shapes():
        os.makedirs(os.path.join(FOLDER, name), exist_ok=True)
        with open(os.path.join(FOLDER, name, "tokenizer.json"), "w", encoding="utf-8") as f:
            json.dump(definition, f, ensure_ascii=False, separators=(",", ":"))
        print(name)
