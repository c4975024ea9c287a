#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""carve.py KERNEL OUT - write the BTF type information found in a kernel image.

KERNEL is a vmlinux, or an image compressed with xz, gzip, zstd or lz4 (the last
two need the command of that name). Nothing is booted.
"""

import lzma
import struct
import subprocess
import sys
import zlib

BTF_HEADER = b"\x9f\xeb\x01\x00\x18\x00\x00\x00"  # magic, version, flags, length
SMALLEST = 1 << 20  # a kernel's own BTF has megabytes


def command(*argv):
    def run(data):
        return subprocess.run(argv, input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout
    return run


DECOMPRESSORS = (
    (b"\xfd7zXZ\x00", lambda data: lzma.LZMADecompressor().decompress(data)),
    (b"\x1f\x8b\x08", lambda data: zlib.decompressobj(31).decompress(data)),
    (b"\x28\xb5\x2f\xfd", command("zstd", "-dcq")),
    (b"\x02\x21\x4c\x18", command("lz4", "-dcq")),
)


def occurrences(data, pattern):
    at = data.find(pattern)
    while at >= 0:
        yield at
        at = data.find(pattern, at + 1)


def contents(image):
    """The image itself, then everything in it that decompresses."""
    yield image
    for signature, decompress in DECOMPRESSORS:
        for at in occurrences(image, signature):
            try:
                yield decompress(image[at:])
            except (lzma.LZMAError, zlib.error, FileNotFoundError):
                pass


def btf(data):
    """The largest well-formed BTF section in data."""
    best = b""
    for at in occurrences(data, BTF_HEADER):
        if at + 24 > len(data):
            break
        type_off, type_len, str_off, str_len = struct.unpack_from("<4I", data, at + 8)
        size = 24 + str_off + str_len
        if type_off == 0 and str_off == type_len and at + size <= len(data) and size > len(best):
            best = data[at:at + size]
    return best


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as kernel:
        image = kernel.read()
    for data in contents(image):
        found = btf(data)
        if len(found) > SMALLEST:
            with open(sys.argv[2], "wb") as out:
                out.write(found)
            return
    sys.exit("carve.py: no BTF in " + sys.argv[1])


if __name__ == "__main__":
    main()
