// Passes a request on to another server as it is, and its answer back; where either ends early, so does the other.
import { request as ask } from 'node:http';
import { pipeline } from 'node:stream';

// The connections are our own matter.
const without = ({ connection, 'keep-alive': _, ...others }) => others;

export function passOn(request, response, { hostname, port }) {
  const { method, url: path, headers } = request;
  const onward = ask({ hostname, port, method, path, headers: without(headers), agent: false });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode, without(answer.headers));
    pipeline(answer, response, () => {});
  });
  pipeline(request, onward, (error) => error && response.destroy());
  response.on('close', () => onward.destroy());
}
