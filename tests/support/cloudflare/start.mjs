// Starts the processor's Worker and the gate in one workerd, then answers calls: each is one line of JSON on standard
// input, answered by one line on standard output. Ends when standard input does. usage: node start.mjs <settings.json>
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { loadMiniflare, makeGate, makeWorker } from './runtime.mjs';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { Miniflare, common } = await loadMiniflare(settings);

const readModule = ({ name, type, file }) => ({
  type,
  path: name,
  contents: type === 'Data' ? readFileSync(file) : readFileSync(file, 'utf8'),
});

const bound = {
  d1Databases: { CLOUDFLARE_D1_DATABASE: settings.database },
  r2Buckets: { CLOUDFLARE_R2_BUCKET: settings.bucket },
  queueProducers: { CLOUDFLARE_QUEUES: { queueName: settings.queue } },
};

const describe = ({ modules, variables }) => ({
  ...common,
  workers: [
    makeGate(settings.account, settings.compatibilityDate, bound),
    makeWorker({
      name: 'processor',
      modules: modules.map(readModule),
      date: settings.compatibilityDate,
      flags: settings.compatibilityFlags,
      bindings: variables,
      queueConsumers: settings.consumers,
      ...bound,
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
  // Delivers the batches to the Worker's `queue` handler, all at once; returns the verdicts.
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
