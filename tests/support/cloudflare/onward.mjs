// Forwards a request unchanged to another server, and the response back; if either ends early, so does the other.
import { request as ask } from 'node:http';
import { pipeline } from 'node:stream';

// Connection headers are not forwarded; each side manages its own connection.
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
