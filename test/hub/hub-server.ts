/** A server on this machine that speaks the Hub's routes, and fails as it is told to. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

export interface HubServer {
  readonly url: string;
  /** Every request for a file's content, as `path from-to`. */
  readonly reads: string[];
  /** Decides over a file's response before the server does; true if it has answered. */
  fault: (request: IncomingMessage, response: ServerResponse, path: string) => boolean;
  close(): Promise<void>;
}

export interface Served {
  readonly content: Buffer;
  /** Large files are listed with their SHA-256, others with git's digest. */
  readonly large?: boolean;
  /** Listed instead of the true one. */
  readonly digest?: string;
}

export async function startHub(files: ReadonlyMap<string, Served>): Promise<HubServer> {
  const hub: HubServer = {
    url: '',
    reads: [],
    fault: () => false,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close');
    const { pathname } = new URL(request.url ?? '', 'http://hub');
    if (pathname.startsWith('/api/')) answerApi(pathname, files, response);
    else answerFile(hub, files, { request, response, pathname });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(hub, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function answerApi(
  path: string,
  files: ReadonlyMap<string, Served>,
  response: ServerResponse,
): void {
  const [status, value] = apiAnswer(path, files);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function apiAnswer(path: string, files: ReadonlyMap<string, Served>): [status: number, unknown] {
  if (path.startsWith('/api/models/org/gated/')) return [401, { error: 'restricted' }];
  if (path === '/api/models/org/tiny/revision/main') return [200, { id: 'x', sha: COMMIT }];
  if (path !== `/api/models/org/tiny/tree/${COMMIT}`) return [404, { error: 'Not found' }];
  return [200, [...files].map(([name, file]) => entryOf(name, file))];
}

function entryOf(path: string, { content, digest, large }: Served): object {
  const lfs = { oid: digest ?? sha256(content), size: content.length, pointerSize: 134 };
  const entry = { type: 'file', path, size: content.length, oid: digest ?? gitDigest(content) };
  return large ? { ...entry, lfs } : entry;
}

function answerFile(
  hub: HubServer,
  files: ReadonlyMap<string, Served>,
  {
    request,
    response,
    pathname,
  }: { request: IncomingMessage; response: ServerResponse; pathname: string },
): void {
  const name = pathname.replace(`/org/tiny/resolve/${COMMIT}/`, '');
  const file = files.get(name);
  if (!file) {
    response.writeHead(404).end();
    return;
  }
  const [from, to] = rangeOf(request, file.content.length);
  hub.reads.push(`${name} ${from}-${to}`);
  if (hub.fault(request, response, name)) return;
  const whole = to - from === file.content.length;
  response.writeHead(whole ? 200 : 206, { 'content-length': to - from });
  response.end(file.content.subarray(from, to));
}

export function rangeOf(request: IncomingMessage, size: number): [from: number, to: number] {
  const [, from, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  return from === undefined ? [0, size] : [Number(from), Math.min(size, Number(last) + 1)];
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function gitDigest(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
