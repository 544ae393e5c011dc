// A Worker on the same bindings as the processor's that answers what is asked of Cloudflare from outside a Worker: S3
// requests to R2, and the REST API. `POST /faults` sets faults: the next matching requests get the status given there.
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
    const { account, token, accessKey, secret, bucket, queue, queueName, database } = env.ACCOUNT;
    if (isApi) {
      const queues = { [queue]: env.CLOUDFLARE_QUEUES };
      const databases = { [database]: env.CLOUDFLARE_D1_DATABASE };
      return answerApi(request, url, body, { account, token, queues, queueName, databases });
    }
    return answerS3(request, url, body, { [bucket]: env.CLOUDFLARE_R2_BUCKET }, { accessKey, secret });
  },
};
