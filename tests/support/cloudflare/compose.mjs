// Composes `pyodide_dev.capnp.bin`, the Python runtime that workerd reads for the flag `python_workers_development`,
// from the npm package `pyodide` alone: a Cap'n Proto message of three modules. Fails if the package has changed.
// usage: node compose.mjs <folder of the npm package pyodide> <output folder>
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ES_MODULE = 0;
const WASM = 1;
const DATA = 2;
const INTERNAL = 2;
const MODULE_WORDS = 5; // one word of data and four pointers
const WORD = 8;

// What workerd forbids or keeps elsewhere: compiling Wasm from bytes, random numbers during a Worker's startup, native
// wheels outside its read-only file system.
const REPLACEMENTS = [
  ['new WebAssembly.Module', 'newWasmModule'],
  ['crypto.getRandomValues(', 'getRandomValues(Module,'],
  [
    'function loadLibData(){',
    'function loadLibData(){const data=patchedLoadLibData(Module,libName,flags.rpath);' +
      'return flags.loadAsync?Promise.resolve(data):data}function unusedLoadLibData(){',
  ],
  ['export default _createPyodideModule;', 'export{_createPyodideModule};export default _createPyodideModule;'],
];
const IMPORTS =
  'import{addEventListener,getRandomValues,location,newWasmModule,patchedLoadLibData}' +
  'from"pyodide-internal:builtin_wrappers";';

function patchGlue(text) {
  for (const [before, after] of REPLACEMENTS) {
    if (!text.includes(before)) throw new Error(`pyodide.asm.mjs has changed: it does not contain ${before}`);
    text = text.replaceAll(before, after);
  }
  return IMPORTS + text;
}

function readModules(from) {
  const modules = [
    ['pyodide.asm', ES_MODULE, Buffer.from(patchGlue(readFileSync(join(from, 'pyodide.asm.mjs'), 'utf8')))],
    ['pyodide.asm.wasm', WASM, readFileSync(join(from, 'pyodide.asm.wasm'))],
    ['python_stdlib.zip', DATA, readFileSync(join(from, 'python_stdlib.zip'))],
  ];
  return modules.map(([name, kind, data]) => ({ name: Buffer.from(`pyodideRuntime-internal:${name}\0`), kind, data }));
}

function encode(modules) {
  const headWords = 3;
  let end = headWords + modules.length * MODULE_WORDS;
  const reserve = (bytes) => {
    const at = end;
    end += Math.ceil(bytes.length / WORD);
    return at;
  };
  const placed = modules.map((module) => ({ ...module, nameAt: reserve(module.name), dataAt: reserve(module.data) }));
  const message = Buffer.alloc((end + 1) * WORD);
  message.writeUInt32LE(end, 4); // one segment of `end` words
  const segment = message.subarray(WORD);
  const point = (at, target, tag, upper) => {
    segment.writeInt32LE(((target - at - 1) << 2) | tag, at * WORD);
    segment.writeUInt32LE(upper >>> 0, at * WORD + 4);
  };
  point(0, 1, 0, 1 << 16); // the root: a struct with one pointer
  point(1, 2, 1, ((modules.length * MODULE_WORDS) << 3) | 7); // to a list of structs; its tag word follows
  segment.writeInt32LE(modules.length << 2, 2 * WORD);
  segment.writeUInt16LE(1, 2 * WORD + 4);
  segment.writeUInt16LE(4, 2 * WORD + 6);
  placed.forEach(({ name, kind, data, nameAt, dataAt }, index) => {
    const at = headWords + index * MODULE_WORDS;
    segment.writeUInt16LE(INTERNAL, at * WORD);
    segment.writeUInt16LE(kind, at * WORD + 2);
    point(at + 1, nameAt, 1, (name.length << 3) | 2);
    name.copy(segment, nameAt * WORD);
    point(at + 2, dataAt, 1, (data.length << 3) | 2);
    data.copy(segment, dataAt * WORD);
  });
  return message;
}

const [, , from, to] = process.argv;
mkdirSync(to, { recursive: true });
const unfinished = join(to, `.${process.pid}.part`);
writeFileSync(unfinished, encode(readModules(from)));
renameSync(unfinished, join(to, 'pyodide_dev.capnp.bin'));
