// A Worker on the account's stores that answers the requests that Cloudflare gets from outside a Worker: S3 requests to
// R2, and the REST API. `ACCOUNT` has the names of the bindings, under `buckets`, `queues` and `databases`.
// `POST /faults` sets faults: the next matching requests get the status given there, or an answer after a delay.
import { answerApi } from './api.mjs';
import { answerS3 } from './s3.mjs';

let faults = [];
const counts = {};

async function fail(request, url) {
  const fault = faults.find((f) => f.times > 0 && url.pathname.includes(f.path) && (!f.method || f.method === request.method));
  if (!fault) return undefined;
  fault.times -= 1;
  if (fault.seconds) await new Promise((resolve) => setTimeout(resolve, fault.seconds * 1000));
  return fault.status ? new Response('{"success":false,"errors":[]}', { status: fault.status, headers: fault.headers }) : undefined;
}

// Returns the bindings of the buckets visible at an endpoint; a jurisdiction's endpoint shows only its own buckets.
function findBuckets(url, env) {
  const match = /^[0-9a-f]{32}(?:\.(\w+))?\.r2\.cloudflarestorage\.com$/.exec(url.hostname);
  const seen = Object.entries(env.ACCOUNT.buckets).filter(([, each]) => !match || each.jurisdiction === (match[1] ?? 'default'));
  return Object.fromEntries(seen.map(([name, { binding }]) => [name, env[binding]]));
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const body = await request.arrayBuffer();
    if (url.pathname === '/faults') {
      faults = JSON.parse(new TextDecoder().decode(body));
      return Response.json({});
    }
    if (url.pathname === '/counts') return Response.json(counts);
    const isApi = url.pathname.startsWith('/client/v4/');
    const place = `${isApi ? 'api' : 's3'} ${request.method}`;
    counts[place] = (counts[place] ?? 0) + 1;
    const failed = await fail(request, url);
    if (failed) return failed;
    if (isApi) return answerApi(request, url, body, env);
    return answerS3(request, url, body, findBuckets(url, env), env.ACCOUNT);
  },
};
