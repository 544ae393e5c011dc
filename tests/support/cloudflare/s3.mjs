// R2's S3 API, path-style, over an R2 binding: the part that a raw store needs, and just as strict.
import { findFault } from './signature.mjs';

const MAX_KEY_BYTES = 1024;
const MAX_KEYS = 1000;
const xmlHeaders = { 'content-type': 'application/xml' };
const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const unescape = (text) =>
  text.replace(/&(#x?[0-9a-fA-F]+|amp|lt|gt|quot|apos);/g, (_, name) =>
    name[0] === '#'
      ? String.fromCodePoint(name[1] === 'x' ? parseInt(name.slice(2), 16) : +name.slice(1))
      : { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name],
  );

const xml = (text, status = 200) =>
  new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`, { status, headers: xmlHeaders });

function refuse(code, status, method) {
  if (method === 'HEAD') return new Response(null, { status });
  return xml(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`, status);
}

function describe(object) {
  return { etag: object.httpEtag, 'last-modified': object.uploaded.toUTCString(), 'accept-ranges': 'bytes' };
}

async function put(bucket, key, request, body) {
  if (new TextEncoder().encode(key).length > MAX_KEY_BYTES) return refuse('KeyTooLongError', 400);
  const object = await bucket.put(key, body, { onlyIf: request.headers });
  if (!object) return refuse('PreconditionFailed', 412);
  return new Response(null, { headers: { etag: object.httpEtag } });
}

async function get(bucket, key, request) {
  const asked = request.headers.get('range');
  if (asked && (await bucket.head(key))?.size === 0) return refuse('InvalidRange', 416);
  const object = await bucket.get(key, asked ? { range: request.headers } : {});
  if (!object) return refuse('NoSuchKey', 404);
  const headers = describe(object);
  if (!asked) return new Response(object.body, { headers: { ...headers, 'content-length': String(object.size) } });
  const { offset = 0, length = object.size - offset } = object.range ?? {};
  headers['content-range'] = `bytes ${offset}-${offset + length - 1}/${object.size}`;
  return new Response(object.body, { status: 206, headers });
}

async function head(bucket, key) {
  const object = await bucket.head(key);
  if (!object) return refuse('NoSuchKey', 404, 'HEAD');
  return new Response(null, { headers: { ...describe(object), 'content-length': String(object.size) } });
}

async function list(bucket, name, query) {
  if (query.get('list-type') !== '2') return refuse('NotImplemented', 501);
  const limit = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
  const page = await bucket.list({
    prefix: query.get('prefix') ?? undefined,
    cursor: query.get('continuation-token') ?? undefined,
    startAfter: query.get('start-after') ?? undefined,
    limit,
  });
  const show = query.get('encoding-type') === 'url' ? encodeURIComponent : escape;
  const contents = page.objects.map(
    (object) =>
      `<Contents><Key>${show(object.key)}</Key><LastModified>${object.uploaded.toISOString()}</LastModified>` +
      `<ETag>${escape(object.httpEtag)}</ETag><Size>${object.size}</Size></Contents>`,
  );
  const more = page.truncated ? `<NextContinuationToken>${escape(page.cursor)}</NextContinuationToken>` : '';
  const encoding = query.has('encoding-type') ? '<EncodingType>url</EncodingType>' : '';
  return xml(
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${name}</Name>${encoding}` +
      `<Prefix>${show(query.get('prefix') ?? '')}</Prefix><KeyCount>${page.objects.length}</KeyCount>` +
      `<MaxKeys>${limit}</MaxKeys><IsTruncated>${page.truncated}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`,
  );
}

async function removeMany(bucket, body) {
  const keys = [...new TextDecoder().decode(body).matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => unescape(match[1]));
  if (!keys.length || keys.length > MAX_KEYS) return refuse('MalformedXML', 400);
  await bucket.delete(keys);
  const deleted = keys.map((key) => `<Deleted><Key>${escape(key)}</Key></Deleted>`);
  return xml(`<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${deleted.join('')}</DeleteResult>`);
}

// Answers one request; `buckets` has the bindings by bucket name.
export async function answerS3(request, url, body, buckets, credentials) {
  const fault = await findFault(request, url, body, credentials);
  if (fault) return refuse(...fault, request.method);
  const [name, ...pieces] = url.pathname.slice(1).split('/');
  const bucket = buckets[name];
  if (!bucket) return refuse('NoSuchBucket', 404, request.method);
  const key = decodeURIComponent(pieces.join('/'));
  if (!key) {
    if (request.method === 'GET') return list(bucket, name, url.searchParams);
    if (request.method === 'POST' && url.searchParams.has('delete')) return removeMany(bucket, body);
    return refuse('NotImplemented', 501, request.method);
  }
  if (request.method === 'PUT') return put(bucket, key, request, body);
  if (request.method === 'GET') return get(bucket, key, request);
  if (request.method === 'HEAD') return head(bucket, key);
  if (request.method !== 'DELETE') return refuse('NotImplemented', 501);
  await bucket.delete(key);
  return new Response(null, { status: 204 });
}
