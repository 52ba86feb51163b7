// Writes a maximum into the memory of transpiled modules: what a file makes the component
// allocate beyond it fails in there, and not in the browser or the process around it.
//
//     node limit_memory.mjs build 256        (MiB)

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const MEMORY = 5; // the id of the section
const PAGES = 16; // in a MiB

const [, , directory, mebibytes] = process.argv;
let limited = 0;
for (const name of readdirSync(directory).filter((name) => name.endsWith('.wasm'))) {
  const path = join(directory, name);
  writeFileSync(path, withMaximum(readFileSync(path), Number(mebibytes) * PAGES));
}
if (limited === 0) throw new Error(`${directory}: no module with a memory`);

function withMaximum(module, most) {
  const parts = [module.subarray(0, 8)];
  for (let at = 8; at < module.length; ) {
    const [length, start] = number(module, at + 1);
    const end = start + length;
    parts.push(module[at] === MEMORY ? memories(module.subarray(start, end), most) : module.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

/// The section again, with a maximum for each memory.
function memories(section, most) {
  const [count, start] = number(section, 0);
  const content = [...leb(count)];
  for (let at = start, left = count; left > 0; left--) {
    const shared = section[at] & ~1;
    const [least, next] = number(section, at + 1);
    at = section[at] & 1 ? number(section, next)[1] : next;
    content.push(shared | 1, ...leb(least), ...leb(Math.max(least, most)));
    limited++;
  }
  return Buffer.from([MEMORY, ...leb(content.length), ...content]);
}

/// A number in LEB128, and where it ends.
function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function leb(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}
