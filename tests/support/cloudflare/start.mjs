// Starts the processor's Worker and the gate in one workerd, then does what is asked, one line of JSON on standard input
// each, answered by one line on standard output. Ends when standard input does. usage: node start.mjs <settings.json>
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const HOST = '127.0.0.1';
const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const installed = createRequire(join(settings.packages, 'package.json'));
Object.assign(process.env, {
  MINIFLARE_WORKERD_PATH: join(import.meta.dirname, 'workerd.sh'),
  REAL_WORKERD: join(settings.packages, `node_modules/@cloudflare/workerd-${process.platform}-${process.arch === 'x64' ? '64' : process.arch}/bin/workerd`),
  PYODIDE_BUNDLE_DIR: settings.runtime,
});
const { Miniflare, Log, LogLevel } = await import(pathToFileURL(installed.resolve('miniflare')).href);

const readModule = ({ name, type, file }) => ({
  type,
  path: join('/bundle', name),
  contents: type === 'Data' ? readFileSync(file) : readFileSync(file, 'utf8'),
});

const bound = (shared) => ({
  compatibilityDate: settings.compatibilityDate,
  d1Databases: { CLOUDFLARE_D1_DATABASE: settings.database },
  r2Buckets: { CLOUDFLARE_R2_BUCKET: settings.bucket },
  queueProducers: { CLOUDFLARE_QUEUES: { queueName: settings.queue } },
  unsafeDirectSockets: [{ host: HOST, port: 0 }],
  ...shared,
});

const gateModules = ['gate', 'api', 's3', 'signature'].map((name) => ({
  type: 'ESModule',
  path: join(import.meta.dirname, `${name}.mjs`),
}));

const describe = ({ modules, variables }) => ({
  host: HOST,
  port: 0,
  cf: false,
  log: new Log(LogLevel.ERROR),
  handleRuntimeStdio(out, error) {
    for (const stream of [out, error]) stream.on('data', (data) => process.stderr.write(data));
  },
  workers: [
    bound({ name: 'gate', modules: gateModules, modulesRoot: import.meta.dirname, bindings: { ACCOUNT: settings.account } }),
    bound({
      name: 'processor',
      modules: modules.map(readModule),
      modulesRoot: '/bundle',
      compatibilityFlags: [...settings.compatibilityFlags, 'python_workers_development'],
      bindings: variables,
      queueConsumers: settings.consumers,
    }),
  ],
});

let deployed = { modules: settings.modules, variables: settings.variables };
const miniflare = new Miniflare(describe(deployed));

async function addresses() {
  await miniflare.ready;
  const [gate, processor] = await Promise.all(['gate', 'processor'].map((name) => miniflare.unsafeGetDirectURL(name)));
  return { gate: gate.origin, processor: processor.origin };
}

const calls = {
  // Hands each batch to the Worker's `queue` handler, all at once; returns the verdicts.
  async deliver({ queue, batches }) {
    const worker = await miniflare.getWorker('processor');
    const dated = batches.map((batch) => batch.map((message) => ({ ...message, timestamp: new Date(message.timestamp) })));
    return Promise.all(dated.map((batch) => worker.queue(queue ?? settings.queue, batch)));
  },
  async scheduled({ cron }) {
    const worker = await miniflare.getWorker('processor');
    return worker.scheduled({ cron });
  },
  async query({ sql, params = [] }) {
    const database = await miniflare.getD1Database('CLOUDFLARE_D1_DATABASE', 'gate');
    const { results, meta } = await database.prepare(sql).bind(...params).all();
    return { results, meta };
  },
  async objects({ prefix = '' }) {
    const bucket = await miniflare.getR2Bucket('CLOUDFLARE_R2_BUCKET', 'gate');
    const keys = [];
    let page = { truncated: true };
    while (page.truncated) {
      page = await bucket.list({ prefix, cursor: page.cursor });
      keys.push(...page.objects.map((object) => object.key));
    }
    return keys;
  },
  async put({ key, data }) {
    const bucket = await miniflare.getR2Bucket('CLOUDFLARE_R2_BUCKET', 'gate');
    await bucket.put(key, new Uint8Array(Buffer.from(data, 'base64')).buffer);
    return {};
  },
  async remove({ keys }) {
    const bucket = await miniflare.getR2Bucket('CLOUDFLARE_R2_BUCKET', 'gate');
    await bucket.delete(keys);
    return {};
  },
  async redeploy(changes) {
    deployed = { ...deployed, ...changes };
    await miniflare.setOptions(describe(deployed));
    return addresses();
  },
};

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
try {
  answer({ result: await addresses() });
} catch (error) {
  answer({ error: String(error?.message ?? error) });
}
for await (const line of createInterface({ input: process.stdin })) {
  const { call, ...fields } = JSON.parse(line);
  try {
    answer({ result: await calls[call](fields) });
  } catch (error) {
    answer({ error: String(error?.stack ?? error) });
  }
}
await miniflare.dispose();
process.exit(0);
