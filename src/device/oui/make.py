#!/usr/bin/env python3
"""Makes oui.zst, the table of makers that `src/device/maker.rs` reads.

Usage: src/device/oui/make.py [SOURCE]

SOURCE is a folder with the csv files of the IEEE registries (oui.csv, mam.csv, oui36.csv, iab.csv),
as Debian's package ieee-data installs them, or the index.json of npm's package oui-data, which is
newer:

    npm pack oui-data && tar xzf oui-data-*.tgz && src/device/oui/make.py package/index.json

Without SOURCE the folders of ieee-data are tried. The program `zstd` must be there.

Which prefix belongs to which company is what the IEEE publishes; nothing else is taken over. Blocks
that the registry split ("IEEE Registration Authority") and owners that hide ("Private") are left
out. Company forms and shouting are taken off the names, because people read them as the name of a
device.

The table, before compression; numbers are little-endian:

    u32  bytes of names, then the names, sorted, a line feed after each
    for the prefixes of 24, then 28, then 36 bits:
        u32  how many prefixes
        u32  bytes of distances, then the distances from each prefix to the next, in ascending order,
             seven bits a byte, low bits first, the high bit set on all but a number's last byte
        the low bytes of each prefix's place in the names, then the high bytes
"""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

FOLDERS = ["/usr/share/ieee-data", "/var/lib/ieee-data"]
FILES = ["oui.csv", "mam.csv", "oui36.csv", "iab.csv"]
NO_MAKER = {"ieee registration authority", "private", ""}
LONGEST_NAME = 40
# Only what stands at the end is a company form; "AS" may begin a name.
FORMS = re.compile(
    r"[\s,.;&(]+(?:co|company|corp|corporation|inc|incorporated|ltd|limited|llc|l\.l\.c|lp|llp|plc|pte"
    r"|pty|pvt|sdn|bhd|gmbh|mbh|kg|ag|se|sa|s\.a|sas|s\.a\.s|srl|s\.r\.l|spa|s\.p\.a|sl|s\.l|bv|b\.v|nv"
    r"|n\.v|ab|oy|oyj|a/s|aps|asa|kft|s\.r\.o|sp\.?\s*z\.?\s*o\.?\s*o|d\.o\.o|ltda|ltd\.?sti|a\.s"
    r"|co\.?,?\s*ltd|coltd|co\.,?ltd|and|und)[\s,.;)]*$",
    re.IGNORECASE,
)


def main():
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else usual_folder()
    prefixes = read_json(source) if source.is_file() else read_csv(source)
    makers = {}
    for prefix, name in prefixes:
        if name.strip().lower() not in NO_MAKER:
            makers[prefix.upper()] = tidy(name)
    target = Path(__file__).with_name("oui.zst")
    raw = table(makers)
    subprocess.run(
        ["zstd", "--ultra", "-22", "--quiet", "--force", "-o", str(target)], input=raw, check=True
    )
    names = len(set(makers.values()))
    print(f"{len(makers)} prefixes, {names} names, {len(raw)} bytes, {target.stat().st_size} packed")


def usual_folder():
    for folder in FOLDERS:
        if Path(folder, FILES[0]).exists():
            return Path(folder)
    sys.exit("no source: install Debian's ieee-data, or name a folder or an index.json")


def read_csv(folder):
    for file in FILES:
        with open(folder / file, encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                yield row["Assignment"], row["Organization Name"]


def read_json(file):
    for prefix, owner in json.loads(file.read_text(encoding="utf-8")).items():
        # The owner's name, then its address.
        yield prefix, owner.split("\n")[0]


def tidy(name):
    name = " ".join(name.split())
    shorter = name
    while True:
        cut = FORMS.sub("", shorter).rstrip(" ,.;&-")
        if cut == shorter or len(cut) < 2:
            break
        shorter = cut
    # A company that is only its form, such as "Co. Ltd", keeps what it had.
    name = shorter or name
    # Short words may be initials.
    short = 3 if name.upper() == name else 4
    name = re.sub(r"[^\W\d_]{%d,}" % (short + 1), calm, name)
    if len(name) > LONGEST_NAME:
        name = name[:LONGEST_NAME].rsplit(" ", 1)[0].rstrip(" ,.;&-(")
    return name


def calm(word):
    return word.group().capitalize() if word.group().isupper() else word.group()


def table(makers):
    names = sorted(set(makers.values()), key=lambda name: (name.lower(), name))
    place = {name: number for number, name in enumerate(names)}
    text = "".join(name + "\n" for name in names).encode()
    parts = [len(text).to_bytes(4, "little"), text]
    for digits in (6, 7, 9):
        block = sorted((int(key, 16), place[makers[key]]) for key in makers if len(key) == digits)
        distances = bytearray()
        before = 0
        for prefix, _ in block:
            distances += number(prefix - before)
            before = prefix
        parts += [len(block).to_bytes(4, "little"), len(distances).to_bytes(4, "little"), distances]
        parts += [bytes(name & 0xFF for _, name in block), bytes(name >> 8 for _, name in block)]
    return b"".join(parts)


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


if __name__ == "__main__":
    main()
