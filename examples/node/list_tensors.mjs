// Lists the tensors of a checkpoint with strongroom's component, from Node.
//
//     cd examples/node && npm install && npm run build
//     node list_tensors.mjs model.pt
//
// A build of strongroom leaves the component as target/strongroom.wasm, which
// `npm run build` turns into JavaScript and WebAssembly under build/.
//
// Prints a JSON object for each tensor: `path`, `dtype` and `shape`. The component
// never sees the file: it asks for a few ranges, and this script reads them. The
// same code runs in a browser, where the ranges come from a `File` or from HTTP.

import { open } from 'node:fs/promises';
import process from 'node:process';
import { reader } from './build/strongroom.js';

const PAGE = 1000;

async function main(path) {
  const file = await open(path);
  try {
    const { root, nodes } = await read(file);
    for (const tensor of tensors(root, nodes)) {
      process.stdout.write(`${JSON.stringify(tensor)}\n`);
    }
  } finally {
    await file.close();
  }
}

/// The index of the state dict's root, and all of its nodes.
async function read(file) {
  const { size } = await file.stat();
  const reading = reader.Reading.open(BigInt(size), { limits: reader.defaultLimits() });
  let step = reading.advance([]);
  while (step.tag === 'fetch') {
    step = reading.advance(await Promise.all(step.val.map((range) => fetchRange(file, range))));
  }
  const nodes = [];
  while (nodes.length < step.val.nodes) {
    nodes.push(...reading.nodes(nodes.length, PAGE));
  }
  return { root: step.val.root, nodes };
}

async function fetchRange(file, { offset, length }) {
  const bytes = new Uint8Array(Number(length));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, Number(offset));
  return { offset, bytes: bytes.subarray(0, bytesRead) };
}

/// Each tensor under `root`, in order. A node may be met twice, and inside
/// itself: then it is not entered again.
function* tensors(root, nodes) {
  const waiting = [{ index: root, path: '', above: [] }];
  while (waiting.length > 0) {
    const { index, path, above } = waiting.pop();
    if (above.includes(index)) continue;
    const node = nodes[index];
    const shown = show(node, nodes);
    if (shown) yield { path, ...shown };
    const inside = children(node, path, nodes).reverse();
    waiting.push(...inside.map(([child, itsPath]) => ({ index: child, path: itsPath, above: [...above, index] })));
  }
}

/// The dtype and shape of a node that is a tensor of its own.
function show({ tag, val }, nodes) {
  switch (tag) {
    case 'tensor':
      return { dtype: dtypeName(val.dtype), shape: Array.from(val.shape, Number) };
    case 'quantized':
      return show({ tag: 'tensor', val: val.tensor }, nodes);
    case 'sparse-coo':
    case 'sparse-compressed':
      return { dtype: show(nodes[val.values], nodes).dtype, shape: Array.from(val.shape, Number) };
    default:
      return undefined;
  }
}

/// The nodes inside a node, with their paths. What is inside an object of an
/// unknown class counts; the object is never made.
function children({ tag, val }, path, nodes) {
  switch (tag) {
    case 'tuple':
    case 'list':
      return Array.from(val, (item, index) => [item, `${path}[${index}]`]);
    case 'dict':
    case 'counter':
      return val.map(({ key, value }) => [value, join(path, keyText(nodes[key]))]);
    case 'ordered-dict':
      return children({ tag: 'dict', val: val.items }, path, nodes);
    case 'parameter':
    case 'subclass':
      return [[val.tensor, path]];
    case 'sparse-coo':
      return [[val.indices, join(path, 'indices')], [val.values, join(path, 'values')]];
    case 'sparse-compressed': {
      const names = val.layout.endsWith('sr') ? ['crow_indices', 'col_indices'] : ['ccol_indices', 'row_indices'];
      const parts = [val.compressed, val.plain, val.values];
      return parts.map((part, index) => [part, join(path, [...names, 'values'][index])]);
    }
    case 'quantized': {
      if (val.quantizer.tag !== 'per-channel') return [];
      const { scales, zeroPoints } = val.quantizer.val;
      return [[scales, join(path, 'scales')], [zeroPoints, join(path, 'zero_points')]];
    }
    case 'object': {
      const { args, kwargs, items, pairs, state } = val;
      const all = [
        [args, join(path, 'args')],
        [kwargs, join(path, 'kwargs')],
        ...children({ tag: 'list', val: items }, path, nodes),
        ...children({ tag: 'dict', val: pairs }, path, nodes),
        // The state is the object's attributes: no name of its own.
        [state, path],
      ];
      return all.filter(([child]) => child !== undefined);
    }
    default:
      return [];
  }
}

function join(path, key) {
  return path === '' ? key : `${path}.${key}`;
}

/// A key as Python would print it, but text without quotes.
function keyText({ tag, val }) {
  switch (tag) {
    case 'text':
      return val.value;
    case 'int':
      return String(val);
    case 'boolean':
      return val ? 'True' : 'False';
    case 'none':
      return 'None';
    default:
      return `<${tag}>`;
  }
}

/// torch's name: WIT has no underscores, and no `bool`.
function dtypeName(name) {
  return name === 'boolean' ? 'bool' : name.replaceAll('-', '_');
}

main(process.argv[2]).catch((error) => {
  // What the component refuses comes with a payload: a tag, and its fields.
  const text = error.payload
    ? `${error.payload.tag}: ${JSON.stringify(error.payload.val, (_, field) => (typeof field === 'bigint' ? String(field) : field))}`
    : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
});
