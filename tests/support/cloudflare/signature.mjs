// Checks signatures as R2 does: AWS Signature Version 4 in headers, for the service `s3` in the region `auto`.
const encoder = new TextEncoder();
const MAX_SKEW_MS = 15 * 60 * 1000;
const UNSIGNED = 'UNSIGNED-PAYLOAD';

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const sha256 = async (data) => hex(await crypto.subtle.digest('SHA-256', data));

async function hmac(key, text) {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return crypto.subtle.sign('HMAC', imported, encoder.encode(text));
}

const escape = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function canonicalQuery(url) {
  const pairs = [...url.searchParams].map(([name, value]) => [escape(name), escape(value)]);
  pairs.sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1));
  return pairs.map((pair) => pair.join('=')).join('&');
}

async function sign(request, url, { secret, date, region, service, signed, payload }) {
  const headers = signed.map((name) => `${name}:${(request.headers.get(name) ?? '').trim().replace(/ +/g, ' ')}\n`);
  const path = url.pathname.split('/').map((piece) => escape(decodeURIComponent(piece))).join('/');
  const canonical = [request.method, path, canonicalQuery(url), headers.join(''), signed.join(';'), payload].join('\n');
  const time = request.headers.get('x-amz-date');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, await sha256(encoder.encode(canonical))].join('\n');
  let key = encoder.encode(`AWS4${secret}`);
  for (const piece of [date, region, service, 'aws4_request']) key = await hmac(key, piece);
  return hex(await hmac(key, text));
}

// Returns undefined if the signature is valid, otherwise the code and status of S3's error.
export async function findFault(request, url, body, { accessKey, secret }) {
  const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
    .exec(request.headers.get('authorization') ?? '');
  if (!match) return ['AccessDenied', 403];
  const [, key, date, region, service, names, signature] = match;
  if (key !== accessKey) return ['InvalidAccessKeyId', 403];
  if (service !== 's3' || region !== 'auto') return ['AuthorizationHeaderMalformed', 400];
  const signed = names.split(';');
  if (!signed.includes('host') || !signed.includes('x-amz-date')) return ['SignatureDoesNotMatch', 403];
  const time = (request.headers.get('x-amz-date') ?? '').replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
  if (!(Math.abs(Date.now() - Date.parse(time)) < MAX_SKEW_MS)) return ['RequestTimeTooSkewed', 403];
  const payload = request.headers.get('x-amz-content-sha256') ?? '';
  if (payload.startsWith('STREAMING-')) return ['NotImplemented', 501];
  if (payload !== UNSIGNED && payload !== (await sha256(body))) return ['XAmzContentSHA256Mismatch', 400];
  const wanted = await sign(request, url, { secret, date, region, service, signed, payload });
  return wanted === signature ? undefined : ['SignatureDoesNotMatch', 403];
}
