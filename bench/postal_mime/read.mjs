// Reads mail with postal-mime: prints one line of JSON per file of a folder, in the order of their names, with the
// addresses in its address fields, and its texts. A message that makes postal-mime throw has none of them.
// usage: node read.mjs <folder with node_modules> <folder of .eml files>
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [packages, folder] = process.argv.slice(2);
const { default: PostalMime, addressParser } = createRequire(join(resolve(packages), 'x.js'))('postal-mime');
const FIELDS = new Set(['from', 'to', 'cc', 'bcc', 'reply-to', 'reply_to', 'list-post']);

function addresses(headers) {
  const values = headers.filter(({ key }) => FIELDS.has(key)).map(({ value }) => value);
  return values.flatMap((value) => addressParser(value, { flatten: true }).map(({ address }) => address ?? ''));
}

async function read(raw) {
  try {
    const { headers, text, html, attachments } = await PostalMime.parse(raw, { rfc822Attachments: false });
    const texts = attachments.filter(({ mimeType }) => /^text\/(plain|html)$/.test(mimeType));
    const attached = (type) =>
      texts
        .filter(({ mimeType }) => mimeType === type)
        .map(({ content }) => (typeof content === 'string' ? content : new TextDecoder().decode(content)));
    return {
      addresses: addresses(headers),
      texts: [text ?? '', ...attached('text/plain')],
      htmls: [html ?? '', ...attached('text/html')],
    };
  } catch {
    return { addresses: [], texts: [], htmls: [] };
  }
}

for (const name of readdirSync(folder).sort()) {
  process.stdout.write(`${JSON.stringify(await read(readFileSync(join(folder, name))))}\n`);
}
