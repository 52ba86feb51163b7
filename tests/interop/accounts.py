"""A reader of zip archives that accounts for every byte: what it refuses is read by nobody, or by
some readers alone.
"""

import struct
import zlib

END, CENTRAL, LOCAL = b"PK\5\6", b"PK\1\2", b"PK\3\4"
ZIP64_END, ZIP64_LOCATOR, DESCRIPTOR = b"PK\6\6", b"PK\6\7", b"PK\7\x08"
# What writers of archives put into extra fields, and how many bytes of it: numbers, times, owners.
KNOWN = {0x0001: 28, 0x5455: 13, 0x7875: 11, 0x5855: 12, 0x000A: 32}
PADDING = 0x4246


class Unaccounted(ValueError):
    """Bytes that belong to nothing, or to two things."""


def records(content):
    """The bytes of all files, by name."""
    entries, directory = listed(content)
    position, found = 0, {}
    for number, entry in enumerate(entries):
        following = entries[number + 1]["header"] if number + 1 < len(entries) else directory
        if entry["header"] != position:
            raise Unaccounted(f"a record at {entry['header']}, where the last ends at {position}")
        payload, position = record(content, entry, following)
        if not entry["name"].endswith(b"/"):
            found[entry["name"].decode()] = payload
        elif payload:
            raise Unaccounted("a folder with bytes")
    if position != directory:
        raise Unaccounted(f"the directory at {directory}, where the last record ends at {position}")
    return found


def listed(content):
    """The directory's entries by place, and where it starts."""
    at = len(content) - 22
    if at < 0 or content[at : at + 4] != END:
        raise Unaccounted("no end record at the end")
    count, size, offset, comment = struct.unpack_from("<HIIH", content, at + 10)
    if comment:
        raise Unaccounted("a comment")
    if content[max(0, at - 20) : at - 16] == ZIP64_LOCATOR:
        at -= 76
        if content[at : at + 4] != ZIP64_END or struct.unpack_from("<Q", content, at + 4)[0] != 44:
            raise Unaccounted("no zip64 end record before its locator")
        count, size, offset = struct.unpack_from("<QQQ", content, at + 32)
    if offset + size != at:
        raise Unaccounted(f"the directory ends at {offset + size}, and its end record is at {at}")
    entries, position = [], offset
    while position < at:
        entry, position = entry_at(content, position)
        entries.append(entry)
    if position != at or len(entries) != count:
        raise Unaccounted(f"{len(entries)} records in the directory, where it says {count}")
    return sorted(entries, key=lambda entry: entry["header"]), offset


def entry_at(content, position):
    if content[position : position + 4] != CENTRAL:
        raise Unaccounted(f"no entry of the directory at {position}")
    flags, method, _, crc, packed, size = struct.unpack_from("<HHIIII", content, position + 8)
    name_length, extra_length, comment = struct.unpack_from("<HHH", content, position + 28)
    (header,) = struct.unpack_from("<I", content, position + 42)
    if comment:
        raise Unaccounted("the comment of a record")
    start = position + 46
    name = content[start : start + name_length]
    extra = content[start + name_length : start + name_length + extra_length]
    large = list(fields(extra))
    values = iter(struct.unpack_from(f"<{len(large) // 8}Q", bytes(large)))
    full = [next(values) if value == 0xFFFFFFFF else value for value in (size, packed, header)]
    entry = {"name": name, "flags": flags, "method": method, "crc": crc}
    entry |= {"size": full[0], "packed": full[1], "header": full[2]}
    return entry, start + name_length + extra_length


def fields(extra):
    """Checks extra fields; answers what the one of large numbers holds."""
    large = b""
    while extra:
        if len(extra) < 4:
            raise Unaccounted("bytes after the extra fields")
        kind, length = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        padding = kind == PADDING and (not body.strip(b"Z") or not body.strip(b"\0"))
        if len(body) != length or not (padding or length <= KNOWN.get(kind, -1)):
            raise Unaccounted(f"an extra field {kind:#06x} of {length} bytes")
        if kind == 1:
            large = body
    return large


def record(content, entry, following):
    """What a record holds, and where it ends: where the next one starts, or the directory."""
    at = entry["header"]
    if content[at : at + 4] != LOCAL:
        raise Unaccounted(f"no record at {at}")
    name_length, extra_length = struct.unpack_from("<HH", content, at + 26)
    start = at + 30 + name_length + extra_length
    if content[at + 30 : at + 30 + name_length] != entry["name"]:
        raise Unaccounted("a record of two names")
    fields(content[at + 30 + name_length : start])
    end = start + entry["packed"]
    packed = content[start:end]
    if len(packed) != entry["packed"]:
        raise Unaccounted("a record that ends behind the file")
    if entry["flags"] & 8:
        end += descriptor(content[end:following], entry)
    return unpacked(packed, entry), end


def descriptor(left, entry):
    """How long the numbers are that follow a record."""
    numbers = [struct.pack(form, entry["crc"], entry["packed"], entry["size"]) for form in ("<III", "<IQQ")]
    if left in [sign + number for sign in (b"", DESCRIPTOR) for number in numbers]:
        return len(left)
    if not left and not entry["packed"]:
        return 0
    raise Unaccounted(f"{len(left)} bytes after a record, and no descriptor")


def unpacked(packed, entry):
    if entry["method"] == 0:
        payload = packed
    elif entry["method"] == 8:
        stream = zlib.decompressobj(-15)
        payload = stream.decompress(packed)
        if not stream.eof or stream.unused_data:
            raise Unaccounted("a stream that does not end with its record")
        # The largest that packers make: stored blocks, and one that was flushed.
        if len(packed) > len(payload) + 5 * (len(payload) // 8192 + 4):
            raise Unaccounted("a stream of more bytes than it holds, in blocks of nothing")
    else:
        raise Unaccounted(f"a record packed in the way {entry['method']}")
    if len(payload) != entry["size"]:
        raise Unaccounted(f"a record of {len(payload)} bytes, where the directory says {entry['size']}")
    return payload
