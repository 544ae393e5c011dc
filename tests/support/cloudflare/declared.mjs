// What is declared in an account, as plain data by kind and id: how resources get their ids, which faults they have
// together, and which Workers they make up. It knows only what was declared.
import { randomBytes, randomUUID } from 'node:crypto';
import { makeGate, makeWorker } from './runtime.mjs';

const someId = () => randomBytes(16).toString('hex');
const MODULE_TYPES = {
  'text/x-python': 'PythonModule',
  'text/plain': 'Text',
  'application/octet-stream': 'Data',
  'application/javascript+module': 'ESModule',
};

// By kind: returns the id of a new resource.
export const IDENTIFY = {
  queues: someId,
  consumers: someId,
  databases: () => randomUUID(),
  buckets: ({ name }) => name,
  lifecycles: ({ bucketName }) => bucketName,
  scripts: ({ scriptName }) => scriptName,
  crons: ({ scriptName }) => scriptName,
  subdomains: ({ scriptName }) => scriptName,
};
// Kinds that do not affect workerd's configuration.
export const BESIDE = new Set(['lifecycles', 'crons', 'subdomains']);

// Yields a sentence for each conflict between resources.
export function* findFaults(declared) {
  const { queues, consumers, databases, buckets, lifecycles, scripts, crons, subdomains } = declared;
  yield* findDoubles('queues', queues, 'queueName');
  yield* findDoubles('consumers', consumers, 'queueId');
  yield* findDoubles('databases', databases, 'name');
  for (const { queueId, deadLetterQueue } of Object.values(consumers)) {
    if (!(queueId in queues)) yield `There is no queue ${queueId} to consume.`;
    if (deadLetterQueue && !isNamed(queues, deadLetterQueue)) yield `There is no dead-letter queue ${deadLetterQueue}.`;
  }
  for (const { scriptName } of [consumers, crons, subdomains].flatMap(Object.values)) {
    if (!(scriptName in scripts)) yield `There is no script ${scriptName}.`;
  }
  for (const { bucketName, jurisdiction } of Object.values(lifecycles)) {
    if (!isSeen(buckets, bucketName, jurisdiction)) yield `There is no bucket ${bucketName} in ${jurisdiction}.`;
  }
  for (const binding of Object.values(scripts).flatMap(({ bindings }) => bindings)) yield* findUnbound(binding, declared);
}

function* findDoubles(kind, resources, field) {
  const seen = new Set();
  for (const { [field]: value } of Object.values(resources)) {
    if (seen.has(value)) yield `There are two ${kind} with the ${field} ${value}.`;
    seen.add(value);
  }
}

function* findUnbound({ name, type, id, queueName, bucketName, jurisdiction = 'default' }, { queues, databases, buckets }) {
  if (type === 'd1' && !(id in databases)) yield `${name} is bound to the database ${id}, which is missing.`;
  if (type === 'queue' && !isNamed(queues, queueName)) yield `${name} is bound to the queue ${queueName}, which is missing.`;
  if (type === 'r2_bucket' && !isSeen(buckets, bucketName, jurisdiction))
    yield `${name} is bound to the bucket ${bucketName} in ${jurisdiction}, which is missing.`;
}

const isNamed = (queues, name) => Object.values(queues).some(({ queueName }) => queueName === name);
const isSeen = (buckets, name, jurisdiction) => buckets[name]?.jurisdiction === jurisdiction;

// Returns the declared Workers and the gate as options for miniflare.
export function listWorkers(declared, { account, subdomain, date }) {
  return [listGate(declared, { ...account, subdomain }, date), ...Object.values(declared.scripts).map((script) => listScript(declared, script))];
}

function listGate({ queues, databases, buckets, scripts }, account, date) {
  const seen = {
    queues: mapValues(queues, ({ queueName: name }) => ({ binding: `queue ${name}`, name })),
    databases: mapValues(databases, ({ name }, id) => ({ binding: `database ${id}`, name })),
    buckets: mapValues(buckets, ({ jurisdiction }, name) => ({ binding: `bucket ${name}`, jurisdiction })),
  };
  return makeGate({ ...account, ...seen, scripts: Object.keys(scripts) }, date, {
    queueProducers: Object.fromEntries(Object.values(seen.queues).map(({ binding, name }) => [binding, { queueName: name }])),
    d1Databases: Object.fromEntries(Object.entries(seen.databases).map(([id, { binding }]) => [binding, id])),
    r2Buckets: Object.fromEntries(Object.entries(seen.buckets).map(([name, { binding }]) => [binding, name])),
  });
}

function listScript({ queues, consumers }, script) {
  const bound = (types, read) =>
    Object.fromEntries(script.bindings.filter(({ type }) => types.includes(type)).map((each) => [each.name, read(each)]));
  const consumed = Object.values(consumers).filter(({ scriptName }) => scriptName === script.scriptName);
  return makeWorker({
    name: script.scriptName,
    modules: [...listModules(script)],
    date: script.compatibilityDate,
    flags: script.compatibilityFlags,
    bindings: bound(['plain_text', 'secret_text'], ({ text }) => text),
    d1Databases: bound(['d1'], ({ id }) => id),
    r2Buckets: bound(['r2_bucket'], ({ bucketName }) => bucketName),
    queueProducers: bound(['queue'], ({ queueName }) => ({ queueName })),
    queueConsumers: Object.fromEntries(consumed.map((each) => [queues[each.queueId].queueName, describeConsumer(each)])),
  });
}

function* listModules({ mainModule, content, contentType, files }) {
  yield { path: mainModule, type: MODULE_TYPES[contentType], contents: content };
  for (const [path, { contentType: kind, contentBase64 }] of Object.entries(files)) {
    const contents = Buffer.from(contentBase64, 'base64');
    const type = MODULE_TYPES[kind];
    yield { path, type, contents: type === 'Data' ? contents : contents.toString('utf8') };
  }
}

const describeConsumer = ({ deadLetterQueue, settings }) => ({
  maxBatchSize: settings.batchSize,
  maxBatchTimeout: settings.maxWaitTimeMs / 1000,
  maxRetries: settings.maxRetries,
  retryDelay: settings.retryDelay,
  ...(deadLetterQueue && { deadLetterQueue }),
});

const mapValues = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
