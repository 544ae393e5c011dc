// A Cloudflare account on this machine: it runs the resources that are declared to it over HTTP, one after another.
// Prints one line of JSON with its addresses, and ends with standard input. usage: node account.mjs <settings.json>
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { BESIDE, findFaults, IDENTIFY, listWorkers } from './declared.mjs';
import { passOn } from './onward.mjs';
import { HOST, loadMiniflare } from './runtime.mjs';

const API = 'api.cloudflare.com';
const TOGETHER_MS = 150;
const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { Miniflare, common } = await loadMiniflare(settings);
const describe = () => ({ ...common, workers: listWorkers(declared, settings) });

let declared = Object.fromEntries(Object.keys(IDENTIFY).map((kind) => [kind, {}]));
let deployments = 0;
const miniflare = new Miniflare(describe());
let running = miniflare.ready;
let waiting;

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Restarts workerd with what is declared; changes that arrive at about the same time are applied together.
function apply() {
  waiting ??= running
    .catch(() => {})
    .then(() => pause(TOGETHER_MS))
    .then(() => {
      waiting = undefined;
      deployments += 1;
      running = miniflare.setOptions(describe());
      return running;
    });
  return waiting;
}

async function settle() {
  while (waiting) await waiting.catch(() => {});
  await running.catch(() => {});
}

// Returns what `read` gets from the running Workers; reads again if they were restarted meanwhile.
async function steadily(read) {
  for (;;) {
    await settle();
    const before = deployments;
    try {
      return await read();
    } catch (error) {
      if (!waiting && deployments === before) throw error;
    }
  }
}

function set(kind, id, inputs) {
  const { [id]: before, ...others } = declared[kind];
  declared = { ...declared, [kind]: inputs === undefined ? others : { ...others, [id]: inputs } };
  return before;
}

// Changes one resource; if the result is invalid or does not start, restores the previous state.
async function change(kind, id, inputs) {
  const before = set(kind, id, inputs);
  const [fault] = findFaults(declared);
  if (fault) {
    set(kind, id, before);
    throw new Refused(400, fault);
  }
  if (BESIDE.has(kind)) return;
  try {
    await apply();
  } catch (error) {
    set(kind, id, before);
    await apply();
    throw new Refused(400, String(error?.message ?? error));
  }
}

const listObjects = (name) =>
  steadily(async () => {
    const bucket = await miniflare.getR2Bucket(`bucket ${name}`, 'gate');
    const keys = [];
    let page = { truncated: true };
    while (page.truncated) {
      page = await bucket.list({ cursor: page.cursor });
      keys.push(...page.objects.map(({ key }) => key));
    }
    return keys;
  });

async function runCrons() {
  await settle();
  const ran = [];
  for (const { scriptName, schedules } of Object.values(declared.crons)) {
    for (const { cron } of schedules) {
      const worker = await miniflare.getWorker(scriptName);
      ran.push({ scriptName, cron, ...(await worker.scheduled({ cron })) });
    }
  }
  return ran;
}

const actions = {
  async POST(kind, _, inputs) {
    if (inputs.accountId !== settings.account.account) throw new Refused(403, `There is no account ${inputs.accountId}.`);
    const id = IDENTIFY[kind](inputs);
    if (id in declared[kind]) throw new Refused(409, `${id} already exists.`);
    await change(kind, id, inputs);
    return { id };
  },
  async PUT(kind, id, inputs) {
    await change(kind, id, inputs);
    return { id };
  },
  async GET(kind, id) {
    return id === undefined ? declared[kind] : declared[kind][id];
  },
  async DELETE(kind, id) {
    if (kind === 'buckets' && (await listObjects(id)).length) throw new Refused(409, `The bucket ${id} is not empty.`);
    await change(kind, id, undefined);
    return { id };
  },
};

async function answerControl(request, body) {
  if (request.headers.authorization !== `Bearer ${settings.token}`) throw new Refused(403, 'Authentication error');
  const [area, kind, id] = request.url.slice(1).split('/').map(decodeURIComponent);
  if (area === 'deployments') return deployments;
  if (area === 'crons') return runCrons();
  if (area === 'objects') return listObjects(kind);
  if (area !== 'resources' || !(kind in IDENTIFY) || !(request.method in actions)) throw new Refused(404, `No route for ${request.url}`);
  if (request.method !== 'POST' && id !== undefined && !(id in declared[kind])) throw new Refused(404, `There is no ${id} in ${kind}.`);
  return actions[request.method](kind, id, body && JSON.parse(body));
}

async function control(request, response) {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += piece;
  let status = 200;
  let answer;
  try {
    answer = { result: await answerControl(request, body) };
  } catch (error) {
    status = error.status ?? 500;
    answer = { error: error.message };
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

// Returns the Worker that serves a host name, or undefined.
function findWorker(host) {
  if (host.startsWith(`${settings.account.account}.`)) return 'gate';
  const [script, ...rest] = host.split('.');
  const isOurs = rest.join('.') === `${settings.subdomain}.workers.dev`;
  return isOurs && declared.subdomains[script]?.enabled ? script : undefined;
}

async function forward(request, response, worker) {
  await settle();
  passOn(request, response, await miniflare.unsafeGetDirectURL(worker));
}

const answerInside = (request, response) =>
  request.url.startsWith('/client/v4/') ? forward(request, response, 'gate') : control(request, response);
const credentials = { key: readFileSync(settings.key), cert: readFileSync(settings.certificate) };
const outside = createSecureServer(credentials, (request, response) => {
  const host = request.headers.host ?? '';
  const worker = findWorker(host);
  if (host === API) answerInside(request, response);
  else if (worker) forward(request, response, worker);
  else response.writeHead(404).end();
});

const listen = (server) => new Promise((resolve) => server.listen(0, HOST, () => resolve(server.address().port)));
await miniflare.ready;
process.stdout.write(`${JSON.stringify({ result: { inside: await listen(createServer(answerInside)), outside: await listen(outside) } })}\n`);
for await (const _ of process.stdin);
await miniflare.dispose();
process.exit(0);
