// Lists the tensors of a checkpoint with strongroom's component, from Node.
//
//     cd examples/node && npm install && npm run build
//     node list_tensors.mjs model.pt
//
// `cargo xtask component` leaves the component as component/made/strongroom.wasm,
// which `npm run build` turns into JavaScript and WebAssembly under build/.
//
// Prints a JSON object for each tensor: `path`, `dtype` and `shape`. The component
// never sees the file: it asks for a few ranges, and this script reads them. The
// same code runs in a browser, where the ranges come from a `File` or from HTTP.
//
// What a file makes the component do has two ends, which every host must set: `npm run
// build` writes the most memory into the modules, and here the component runs in a worker
// that is terminated when its time is over.

import { open } from 'node:fs/promises';
import process from 'node:process';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const PAGE = 1000;
const SECONDS = 60;

if (isMainThread) {
  watch(new Worker(new URL(import.meta.url), { workerData: process.argv[2] }));
} else {
  main(workerData).catch((error) => {
    // What the component refuses comes with a payload: a tag, and its fields.
    const text = error.payload
      ? `${error.payload.tag}: ${JSON.stringify(error.payload.val, (_, field) => (typeof field === 'bigint' ? String(field) : field))}`
      : String(error);
    parentPort.postMessage({ error: text });
  });
}

/// Prints what a worker finds, for as long as it may take.
function watch(worker) {
  const timer = setTimeout(() => {
    fail(`it took longer than ${SECONDS} seconds`);
    worker.terminate();
  }, SECONDS * 1000);
  worker.on('message', ({ line, error }) => (error ? fail(error) : process.stdout.write(line)));
  worker.on('error', (error) => fail(String(error)));
  worker.on('exit', () => clearTimeout(timer));
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

async function main(path) {
  const file = await open(path);
  try {
    for await (const tensor of tensors(file)) {
      parentPort.postMessage({ line: `${JSON.stringify(tensor)}\n` });
    }
  } finally {
    await file.close();
  }
}

/// Each tensor of the file, wherever it hangs, in order.
async function* tensors(file) {
  const { reader } = await import('./build/strongroom.js');
  const { size } = await file.stat();
  const reading = reader.Reading.open(BigInt(size), { limits: reader.defaultLimits() });
  let step = reading.advance([]);
  while (step.tag === 'fetch') {
    step = reading.advance(await Promise.all(step.val.map((range) => fetchRange(file, range))));
  }
  for (let start = 0, page; (page = reading.tensors(start, PAGE)).length > 0; start += page.length) {
    for (const { name, dtype, shape } of page) {
      yield { path: name, dtype: dtypeName(dtype), shape: Array.from(shape, Number) };
    }
  }
}

async function fetchRange(file, { offset, length }) {
  const bytes = new Uint8Array(Number(length));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, Number(offset));
  return { offset, bytes: bytes.subarray(0, bytesRead) };
}

/// torch's name: WIT has no underscores, and no `bool`.
function dtypeName(name) {
  return name === 'boolean' ? 'bool' : (name?.replaceAll('-', '_') ?? null);
}
