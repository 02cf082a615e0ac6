"""CSV, JSON lines and YAML: prompts as typed, or one line that names row and column."""

import json
from collections.abc import Mapping, Sequence

from PIL import Image
from yaml import safe_dump

from malformed_tries.place import GAUSSIAN, Place
from malformed_tries.trying import Accepted, Expectation, Refused, Seen, Setup, Try

HEAD = "image,source,target\n"
RUN = ("run", *GAUSSIAN, "dataset=folder", "dataset.path=.")


def photo(place: Place, name: str = "a.png") -> None:
    Image.radial_gradient("L").resize((40, 40)).convert("RGB").save(place.folder / name)


def table(content: str | bytes, name: str = "edits.csv", *photos: str) -> Setup:
    def setup(place: Place) -> None:
        for file in photos or ("a.png",):
            photo(place, file)
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        (place.folder / name).write_bytes(raw)

    return setup


def prompts_are(*pairs: tuple[str, str]) -> Expectation:
    """The results answer these prompts, byte for byte."""

    def check(seen: Seen) -> str | None:
        stored = sorted((r["prompt_src"], r["prompt_trg"]) for r in seen.place.records())
        return None if stored == sorted(pairs) else f"stored {stored} instead of {sorted(pairs)}"

    return Accepted(check)


def quoted(*cells: str) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


ODD = {
    "a line break": "a cat\non a mat",
    "CRLF within": "a cat\r\non a mat",
    "a CR alone": "a cat\ron a mat",
    "U+2028": "a red\u2028circle",
    "U+2029 and U+0085": "a\u2029red\x85circle",
    "quotes": 'a "cat", sitting',
    "backslashes": "C:\\new\\table \\\\ \\",
    "an interpolation": "${oc.env:HOME} ${seeds} $HOME",
    "no": "no",
    "null": "null",
    "a tilde": "~",
    "a date": "2024-01-01",
    "a number": "1e3",
    "a leading dash": "-e; rm",
    "decomposed accents": "a cafe\u0301",
    "a BOM inside": "\ufeffcat",
    "an escape sequence": "\x1b[31mred",
    "blanks around": "  a cat  ",
    "emoji": "a \U0001f408\u200d\u2b1b",
    "a formula": "=1+1",
    "HTML": "<script>alert(1)</script>",
    "markup of rich": "[bold]a[/bold] [/x]",
    "format characters": "%s {x} {0} %(a)s",
    "right to left": "\u202eabc",
}


def kept() -> list[Try]:
    """Prompts that are kept byte for byte in all three kinds of table."""
    found = []
    for name, prompt in ODD.items():
        row = {"image": "a.png", "source": prompt, "target": f"{prompt} x"}
        right = prompts_are((prompt, f"{prompt} x"))
        csv = HEAD + quoted(*row.values()) + "\n"
        jsonl = json.dumps(row, ensure_ascii=False) + "\n"
        yaml = str(safe_dump([row]))
        for kind, content in (("csv", csv), ("jsonl", jsonl), ("yaml", yaml)):
            found.append(Try(kind, name, RUN, right, table(content, f"edits.{kind}")))
    return found


def refused(kind: str, cases: Mapping[str, tuple[str | bytes, str]]) -> list[Try]:
    return [
        Try(kind, name, RUN, Refused(words), table(content, f"edits.{kind}"), seconds=15)
        for name, (content, words) in cases.items()
    ]


AB = prompts_are(("a", "b"))
CSV: dict[str, tuple[str | bytes, str]] = {
    "a cell too many": (HEAD + "a.png,a,b,c\n", "line 2: expected 3 cells.*got 4"),
    "a cell too few": (HEAD + "a.png,a\n", "line 2: expected 3 cells.*got 2"),
    "a shifted row after a long one": (HEAD + '\na.png,"a\nb",c\nz.png,a,b\n', "line 5"),
    "quotes left open": (HEAD + 'a.png,"a,b\n\n', "line 2: expected CSV"),
    "text behind quotes": (HEAD + 'a.png,"a" b,c\n', "line 2: expected CSV"),
    "semicolons": ("image;source;target\na.png;a;b\n", "separated by commas; got ';'"),
    "tabs": ("image\tsource\ttarget\na.png\ta\tb\n", "separated by commas; got tabs"),
    "pipes": ("image|source|target\na.png|a|b\n", r"separated by commas; got '\|'"),
    "a column twice": ("image,source,target,source\na.png,a,b,c\n", "'source' twice"),
    "a column without a name": (",image,source,target\n0,a.png,a,b\n", "without a name"),
    "a misspelled column": ("image,source,traget\na.png,a,b\n", "rename 'traget'"),
    "a column in capitals": ("Image,source,target\na.png,a,b\n", "rename 'Image' to image"),
    "a mask column in capitals": ("image,source,target,Mask\na.png,a,b,a.png\n", "'Mask'"),
    "no header": ("a.png,a,b\n", "line 1: expected a column image"),
    "no rows": (HEAD, "expected one row"),
    "nothing": ("", "expected one row"),
    "blanks": ("\n\n  \n", "expected one row"),
    "Latin-1": ((HEAD + "a.png,a,\xe9\n").encode("latin-1"), "line 2: expected UTF-8"),
    "UTF-16": ((HEAD + "a.png,a,b\n").encode("utf-16"), "UTF-16"),
    "a NUL": (HEAD + "a.png,a\0,b\n", "line 2: expected text; got a NUL"),
    "an empty prompt": (HEAD + "a.png,,b\n", "column source: expected a prompt"),
    "a prompt of blanks": (HEAD + "a.png,a,\u2003\n", "column target: expected a prompt"),
    "no image": (HEAD + ",a,b\n", "column image: expected the name"),
    "a missing image": (HEAD + "z.png,a,b\n", "column image"),
    "an image outside": (HEAD + "../../etc/passwd,a,b\n", "column image"),
    "an absolute image": (HEAD + "/etc/passwd,a,b\n", "column image"),
    "a folder for an image": (HEAD + ".,a,b\n", "column image"),
    "a name of 300 characters": (HEAD + f"{'a' * 300}.png,a,b\n", "column image"),
    "a prompt of 20000 characters": (HEAD + f"a.png,{'a' * 20000},b\n", "at most 10000"),
    "a field of three megabytes": (HEAD + f"a.png,{'a' * 3_000_000},b\n", "CSV|characters"),
    "a file of five megabytes": (HEAD + "a" * 5_000_000, "at most 4 MiB"),
    "sixty thousand rows": (HEAD + "a.png,a,b\n" * 60_000, "at most 50000 rows"),
    "a million columns": ("," * 1_000_000, "columns"),
    "weights of NaN": ("image,source,target,weights\na.png,a,b,dog:nan\n", "column weights"),
    "weights of words": ("image,source,target,weights\na.png,a,b,dog\n", "column weights"),
    "an id twice": ("image,source,target,id\na.png,a,b,x\na.png,a,c,x\n", "got .x. twice"),
    "an id of 201 characters": (f"image,source,target,id\na.png,a,b,{'a' * 201}\n", "column id"),
    "a missing mask": ("image,source,target,mask\na.png,a,b,m.png\n", "column mask"),
}


def row(rest: str) -> str:
    """A line of JSON whose last cells are these."""
    return '{"image": "a.png", "source": "a", ' + rest + "\n"


JSONL: dict[str, tuple[str, str]] = {
    "a number for a prompt": (row('"target": 7}'), "'target': expected text; got 7"),
    "false for a prompt": (row('"target": false}'), "expected text; got false"),
    "null for a prompt": (row('"target": null}'), "target: expected a prompt"),
    "a list for a prompt": (row('"target": ["b"]}'), "got a list"),
    "a lone surrogate": (row('"target": "\\ud800"}'), "Unicode"),
    "a NUL written out": (row('"target": "a\\u0000"}'), "Unicode"),
    "a column twice": (row('"target": "b", "target": "c"}'), "every column once"),
    "cut short": (row('"target"'), "line 1: expected JSON lines"),
    "a list a line": ('["a.png", "a", "b"]\n', "got no object"),
    "one large list": ('[{"image": "a.png", "source": "a", "target": "b"}]\n', "got no object"),
    "an indented object": ('{\n"image": "a.png",\n"source": "a"}\n', "line 1: expected JSON lines"),
    "a hundred thousand brackets": ("[" * 100_000, "nested too deeply"),
    "a number of ten thousand digits": ('{"image": ' + "9" * 10_000 + "}", "expected text"),
    "two hundred thousand keys": (
        "{" + ",".join(f'"{i}":1' for i in range(200_000)) + "}",
        "at most 100 columns",
    ),
    "CSV": (HEAD + "a.png,a,b\n", "expected JSON lines"),
}
Y = "- image: a.png\n  source: a\n  target: "
YAML: dict[str, tuple[str, str]] = {
    "a list for a prompt": (Y + "[b]\n", "line 3: expected text"),
    "an anchor": (Y + "&x b\n", "got the anchor &x"),
    "a tag that runs code": (Y + "!!python/object/apply:os.system [id]\n", "expected text|the tag"),
    "an alias": (Y + "*b\n", "got an alias"),
    "a column twice": (Y + "b\n  target: c\n", "expected every column once"),
    "a mapping in a line": (Y + "b: c\n", "line 3: expected YAML"),
    "two documents": (Y + "b\n---\n- c\n", "second document"),
    "nothing for a prompt": (Y + "\n", "column target: expected a prompt"),
    "a plain U+2028": (Y + "b\u2028c\n", "plain line breaks"),
    "aliases of aliases": (
        "a: &a [x, x]\n"
        + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "expected a list of rows",
    ),
    "half a million aliases": ("- &a {image: a}\n" + "- *a\n" * 500_000, "anchor|alias"),
    "three million brackets": ("[" * 3_000_000, "line 1"),
    "a million dashes": ("- " * 1_000_000, "line 1"),
    "tabs for blanks": ("-\timage: a.png\n\tsource: a\n", "expected YAML"),
    "one mapping": ("image: a.png\nsource: a\ntarget: b\n", "expected a list of rows"),
    "text": ("hello\n", "expected a list of rows"),
}


def tries() -> Sequence[Try]:
    two = prompts_are(("a", "b"), ("a", "c"))
    taken: list[tuple[str, str, Expectation, Setup]] = [
        ("csv", "a BOM", AB, table(b"\xef\xbb\xbf" + f"{HEAD}a.png,a,b\r\n".encode())),
        ("csv", "CR for line breaks", AB, table(HEAD.replace("\n", "\r") + "a.png,a,b\r")),
        ("csv", "no last line break", AB, table(HEAD + "a.png,a,b")),
        ("csv", "empty lines between", two, table(HEAD + "\n\na.png,a,b\n\n\na.png,a,c\n\n")),
        ("csv", "capitals in the ending", AB, table(HEAD + "a.png,a,b\n", "Edits.CSV")),
        ("csv", "columns in another order", AB, table("target,image,source\nb,a.png,a\n")),
        ("csv", "further columns", AB, table("image,source,target,author\na.png,a,b,me\n")),
        ("csv", "blanks in the header", AB, table("image, source , target\na.png,a,b\n")),
        ("yaml", "no and dates", prompts_are(("no", "2024-01-01")),
         table("- {image: a.png, source: no, target: 2024-01-01}\n", "edits.yml")),
        ("yaml", "a folded prompt", prompts_are(("a", "b c\n")),
         table(Y + ">\n    b\n    c\n", "edits.yaml")),
        ("yaml", "hexadecimal, octal, yes", prompts_are(("0x1F", "yes")),
         table("- {image: a.png, source: 0x1F, target: yes}\n", "edits.yaml")),
        ("jsonl", "empty lines between", two,
         table(row('"target": "b"}') + "\n" + row('"target": "c"}'), "edits.jsonl")),
        ("jsonl", "numbers in further columns", AB,
         table(row('"target": "b", "year": 1.50}'), "edits.jsonl")),
    ]  # fmt: skip
    for odd in ("a b.png", "ü$1 '.png", "-x.png", "a,b.png", "%41.png", "a\u0301.png", "$(id).png"):
        content = HEAD + quoted(odd, "a", "b") + "\n"
        taken.append(("file names", repr(odd), AB, table(content, "edits.csv", odd)))
    named = [Try(kind, name, RUN, right, setup) for kind, name, right, setup in taken]
    tables = [*refused("csv", CSV), *refused("jsonl", JSONL), *refused("yaml", YAML)]
    return [*kept(), *tables, *named, *places()]


def places() -> Sequence[Try]:
    """Tables that are missing, ambiguous or of another kind."""

    def two(place: Place) -> None:
        table(HEAD + "a.png,a,b\n")(place)
        (place.folder / "edits.jsonl").write_text("{}")

    def loop(place: Place) -> None:
        (place.folder / "edits.csv").symlink_to("edits.csv")

    def locked(place: Place) -> None:
        (place.folder / "edits.csv").mkdir()

    return [
        Try("file names", "two tables", RUN, Refused("name one of them"), two),
        Try("file names", "no table", RUN, Refused("found none")),
        Try("file names", "a link to itself", RUN, Refused("dataset.path"), loop),
        Try("file names", "a folder named as a table", RUN, Refused("dataset.path"), locked),
        Try("file names", "no folder", (*RUN[:-1], "dataset.path=nowhere"), Refused("no such")),
        Try("file names", "an image for a table", (*RUN[:-1], "dataset.path=a.png"),
            Refused("ends in"), photo),
        Try("file names", "a name with a line break", (*RUN[:-1], "dataset.path='a\nb'"),
            Refused("dataset.path"), photo),
    ]  # fmt: skip
