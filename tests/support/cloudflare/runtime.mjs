// What both start scripts share: the installed miniflare, its options, and the gate.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const HOST = '127.0.0.1';
const DEVELOPMENT = 'python_workers_development'; // load the Python runtime from our own bundle

// Returns the Miniflare class and common options; `packages` is the folder of node_modules, `runtime` the folder of the
// Python runtime.
export async function loadMiniflare({ packages, runtime }) {
  const installed = createRequire(join(packages, 'package.json'));
  const architecture = process.arch === 'x64' ? '64' : process.arch;
  Object.assign(process.env, {
    MINIFLARE_WORKERD_PATH: join(import.meta.dirname, 'workerd.sh'),
    REAL_WORKERD: join(packages, `node_modules/@cloudflare/workerd-${process.platform}-${architecture}/bin/workerd`),
    PYODIDE_BUNDLE_DIR: runtime,
  });
  const { Miniflare, Log, LogLevel } = await import(pathToFileURL(installed.resolve('miniflare')).href);
  const common = {
    host: HOST,
    port: 0,
    cf: false,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio(out, error) {
      for (const stream of [out, error]) stream.on('data', (data) => process.stderr.write(data));
    },
  };
  return { Miniflare, common };
}

export const makeGate = (account, date, bound) => ({
  name: 'gate',
  modules: ['gate', 'api', 's3', 'signature'].map((name) => ({
    type: 'ESModule',
    path: join(import.meta.dirname, `${name}.mjs`),
  })),
  modulesRoot: import.meta.dirname,
  compatibilityDate: date,
  bindings: { ACCOUNT: account },
  unsafeDirectSockets: [{ host: HOST, port: 0 }],
  ...bound,
});

// Returns a Python Worker's options; `modules` are in miniflare's form, main module first.
export const makeWorker = ({ name, modules, date, flags, ...bound }) => ({
  name,
  modules: modules.map((module) => ({ ...module, path: join('/bundle', module.path) })),
  modulesRoot: '/bundle',
  compatibilityDate: date,
  compatibilityFlags: [...flags, DEVELOPMENT],
  unsafeDirectSockets: [{ host: HOST, port: 0 }],
  ...bound,
});
