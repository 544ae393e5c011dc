// The calls of Cloudflare's REST API that come from outside a Worker: find a queue, push to it, query a D1 database,
// and check what a token gives access to.
const MAX_MESSAGES = 100;
const MAX_MESSAGE_BYTES = 128_000;
const METADATA_BYTES = 100; // per message; they count toward the limits
const MAX_BATCH_BYTES = 256_000;
const MAX_DELAY_SECONDS = 86_400;
const MAX_STATEMENT_BYTES = 100_000;
const MAX_PARAMETERS = 100;
const MAX_VALUE_BYTES = 2_000_000;
const MAX_RESULT_BYTES = 50_000_000;
const MAX_QUERY_SECONDS = 30;

const bytes = (value) => new TextEncoder().encode(value).length;
const done = (result) => Response.json({ success: true, errors: [], messages: [], result });
const refuse = (status, code, message) =>
  Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status });

async function push(queue, fields, isBatch) {
  const messages = isBatch ? fields.messages : [fields];
  if (!Array.isArray(messages) || !messages.length) return refuse(400, 10026, 'messages are missing');
  if (messages.length > MAX_MESSAGES) return refuse(400, 10206, `more than ${MAX_MESSAGES} messages`);
  const sizes = messages.map(
    ({ body, content_type: type }) => bytes(type === 'text' ? body : JSON.stringify(body)) + METADATA_BYTES,
  );
  if (sizes.some((size) => size > MAX_MESSAGE_BYTES)) return refuse(413, 10207, 'a message is too large');
  if (sizes.reduce((a, b) => a + b) > MAX_BATCH_BYTES) return refuse(413, 10207, 'the batch is too large');
  const delays = messages.map(({ delay_seconds: delay }) => delay ?? fields.delay_seconds);
  if (delays.some((delay) => delay < 0 || delay > MAX_DELAY_SECONDS)) return refuse(400, 10208, 'a delay is out of range');
  await queue.sendBatch(
    messages.map(({ body, content_type: contentType = 'json' }, at) => {
      const delaySeconds = delays[at];
      return delaySeconds === undefined ? { body, contentType } : { body, contentType, delaySeconds };
    }),
  );
  return done({ metadata: {} });
}

async function query(database, fields) {
  const statements = fields.batch ?? [fields];
  for (const { sql, params = [] } of statements) {
    if (typeof sql !== 'string' || !sql.trim()) return refuse(400, 7400, 'sql is missing');
    if (bytes(sql) > MAX_STATEMENT_BYTES) return refuse(400, 7500, 'statement too long: SQLITE_TOOBIG');
    if (params.length > MAX_PARAMETERS) return refuse(400, 7500, 'too many SQL variables: SQLITE_ERROR');
    if (params.some((value) => bytes(String(value)) > MAX_VALUE_BYTES)) return refuse(400, 7500, 'SQLITE_TOOBIG');
  }
  try {
    const answers = await database.batch(statements.map(({ sql, params = [] }) => database.prepare(sql).bind(...params)));
    const seconds = answers.reduce((sum, { meta }) => sum + meta.duration / 1000, 0);
    if (seconds > MAX_QUERY_SECONDS) return refuse(400, 7500, 'D1 DB storage operation exceeded timeout');
    if (answers.some(({ results }) => bytes(JSON.stringify(results)) > MAX_RESULT_BYTES)) return refuse(400, 7500, 'the result is too large');
    return done(answers);
  } catch (error) {
    return refuse(400, 7500, error.message);
  }
}

function find(queues, [id], page) {
  const found = Object.entries(queues).map(([each, { name }]) => ({ queue_id: each, queue_name: name }));
  if (id === undefined) return done((page ?? '1') === '1' ? found : []);
  return id in queues ? done(found.find((each) => each.queue_id === id)) : refuse(404, 11000, 'Queue not found');
}

// Lists the declared resources of a product.
function list(product, path, request, { databases, buckets, scripts, subdomain }) {
  const jurisdiction = request.headers.get('cf-r2-jurisdiction') ?? 'default';
  const lists = {
    'd1/database': () => Object.entries(databases).map(([uuid, { name }]) => ({ uuid, name })),
    'r2/buckets': () => ({
      buckets: Object.keys(buckets)
        .filter((name) => buckets[name].jurisdiction === jurisdiction)
        .map((name) => ({ name })),
    }),
    'workers/scripts': () => scripts.map((id) => ({ id })),
    'workers/subdomain': () => ({ subdomain }),
  };
  const found = lists[[product, ...path].join('/')];
  return found ? done(found()) : refuse(404, 7003, 'No route for that URI');
}

// Answers one request under `/client/v4`; `env` has the account and the bindings that it names. The account says which
// products each token gives access to.
export async function answerApi(request, url, body, env) {
  const { account, tokens, queues, databases } = env.ACCOUNT;
  const [kind, given, product, ...rest] = url.pathname.split('/').slice(3);
  const token = request.headers.get('authorization')?.replace(/^Bearer /, '');
  if (url.pathname.endsWith('/user/tokens/verify'))
    return token in tokens ? done({ status: 'active' }) : refuse(401, 1000, 'Invalid API Token');
  if (!tokens[token]?.includes(product)) return refuse(403, 10000, 'Authentication error');
  if (kind !== 'accounts' || given !== account) return refuse(404, 7003, 'No route for that URI');
  if (request.method === 'GET' && product === 'queues') return find(queues, rest, url.searchParams.get('page'));
  if (request.method === 'GET') return list(product, rest, request, env.ACCOUNT);
  if (request.method !== 'POST') return refuse(405, 10405, 'Method not allowed');
  let fields;
  try {
    fields = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return refuse(400, 10026, 'the body is not valid JSON');
  }
  const path = rest.join('/').replace(/^database\//, '').replace(/^[^/]+/, '');
  if (product === 'queues' && /^\/messages(\/batch)?$/.test(path)) {
    const queue = queues[rest[0]];
    return queue ? push(env[queue.binding], fields, path.endsWith('batch')) : refuse(404, 11000, 'Queue not found');
  }
  if (product === 'd1' && path === '/query') {
    const database = databases[rest[1]];
    return database ? query(env[database.binding], fields) : refuse(404, 7404, 'The database could not be found');
  }
  return refuse(404, 7003, 'No route for that URI');
}
