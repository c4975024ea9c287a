#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""trim.py ROOTS < full vmlinux.h > trimmed vmlinux.h

Keeps the types named in the file ROOTS, with everything they need by value.
Structures reached only through pointers become forward declarations. A name in
ROOTS may be that of a structure, union, enumeration, typedef or enumerator; one
that starts with "?" may be absent from the kernel. The input is what
"bpftool btf dump ... format c" prints, and its order is kept.
"""

import re
import sys

DEFINITION = re.compile(r"(struct|union|enum) (\w+) \{")
FORWARD = re.compile(r"(?:struct|union) \w+;")
TYPEDEF = re.compile(r"(\w+)\)?(?:\(.*\)|(?:\[\d+\])*);$")
ENUMERATOR = re.compile(r"^\t(\w+) = ", re.M)
REFERENCE = re.compile(r"\b(struct|union|enum) (\w+)( ?\*)?")


def split_signatures(block):
    """The block without the parameter lists of functions, and these lists."""
    lists = re.findall(r"[\w)](\(.*)", block)
    return re.sub(r"([\w)])\(.*", r"\1", block), "\n".join(lists)


class Header:
    def __init__(self, text):
        self.blocks = [block for block in text.strip().split("\n\n") if block]
        self.by_tag = {}         # "struct sock" -> index of its definition
        self.by_typedef = {}     # "u32" -> index
        self.by_enumerator = {}  # "TCP_ESTABLISHED" -> index
        for index, block in enumerate(self.blocks):
            definition = DEFINITION.match(block)
            if definition:
                self.by_tag[" ".join(definition.groups())] = index
            if block.startswith(("enum", "typedef enum")):
                for name in ENUMERATOR.findall(block):
                    self.by_enumerator[name] = index
            if block.startswith("typedef"):
                self.by_typedef[TYPEDEF.search(block).group(1)] = index
        self.kept = set()
        self.pointed_to = set()  # tags

    def named(self, name):
        tables = [self.by_tag.get(kind + name) for kind in ("struct ", "union ", "enum ")]
        tables += [self.by_typedef.get(name), self.by_enumerator.get(name)]
        return {index for index in tables if index is not None}

    def needs(self, block):
        """Indices of the blocks this one needs; notes the structures it points to."""
        body, signatures = split_signatures(block)
        for text, by_value in ((body, True), (signatures, False)):
            for kind, name, pointer in REFERENCE.findall(text):
                tag = f"{kind} {name}"
                if kind == "enum" or by_value and not pointer:
                    if tag in self.by_tag:
                        yield self.by_tag[tag]
                if kind != "enum":
                    self.pointed_to.add(tag)
        for word in set(re.findall(r"\w+", block)) & self.by_typedef.keys():
            yield self.by_typedef[word]

    def keep(self, indices):
        pending = list(indices)
        while pending:
            index = pending.pop()
            if index not in self.kept:
                self.kept.add(index)
                pending.extend(self.needs(self.blocks[index]))

    def forward(self):
        """Declarations of what is pointed to and not kept, or declared in the input."""
        declared = {block[:-1] for block in self.blocks if FORWARD.fullmatch(block)}
        return sorted(tag + ";" for tag in self.pointed_to
                      if tag in declared or self.by_tag.get(tag) not in self.kept)


def roots(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield from line.split("#")[0].split()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    header = Header(sys.stdin.read())
    missing = []
    for name in roots(sys.argv[1]):
        found = header.named(name.lstrip("?"))
        if not found and not name.startswith("?"):
            missing.append(name)
        header.keep(found)
    if missing:
        sys.exit("trim.py: not in this kernel: " + " ".join(missing))

    forward = "\n".join(header.forward())
    for index, block in enumerate(header.blocks):
        if block.startswith("#"):        # guards and pragmas
            print(block, end="\n\n" if index < len(header.blocks) - 1 else "\n")
            if "attribute push" in block:
                print(forward, end="\n\n")
        elif index in header.kept and not FORWARD.fullmatch(block):
            print(block, end="\n\n")


if __name__ == "__main__":
    main()
