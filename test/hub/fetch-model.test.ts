import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FetchJob, fetchModel, resolveRevision } from '../../src/hub/fetch-model.ts';
import type { HubError } from '../../src/hub/hub-error.ts';
import { COMMIT, type HubServer, rangeOf, type Served, startHub } from './hub-server.ts';

const weights = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) % 256));
const files = new Map<string, Served>([
  ['README.md', { content: Buffer.from('read me') }],
  ['config.json', { content: Buffer.from('{"model_type":"llama"}') }],
  ['tokenizer.json', { content: Buffer.from('{}') }],
  ['model.safetensors', { content: weights, large: true }],
  ['pytorch_model.bin', { content: weights, large: true }],
]);

let hub: HubServer;
let folder: string;
beforeEach(async () => {
  hub = await startHub(files);
  folder = mkdtempSync(join(tmpdir(), 'hub-'));
});
afterEach(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

const target = () => join(folder, 'model');
const path = (name: string) => join(target(), name);

async function fetchTiny(changes: Partial<FetchJob> = {}): Promise<string[]> {
  const said: string[] = [];
  const job = {
    model: { name: 'org/tiny', revision: COMMIT },
    folder: target(),
    only: [],
    partBytes: 256,
    retryDelaysMs: [1, 1],
    ...changes,
  };
  await fetchModel(
    job,
    { hubUrl: hub.url },
    {
      planned: (planned) => said.push(`planned ${planned.map((file) => file.path).join(' ')}`),
      progress: (file, done, kept) => said.push(`${file.path} ${done}${kept ? ' kept' : ''}`),
    },
  );
  return said;
}

async function refusal(work: Promise<unknown>): Promise<HubError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'HubError' });
  return error as HubError;
}

it('fetches what a model’s folder needs, in parts, and says where it is from', async () => {
  const said = await fetchTiny();
  expect(readdirSync(target()).sort()).toEqual([
    'config.json',
    'hub.json',
    'model.safetensors',
    'tokenizer.json',
  ]);
  expect(readFileSync(path('model.safetensors'))).toEqual(weights);
  expect(JSON.parse(readFileSync(path('hub.json'), 'utf8'))).toEqual({
    name: 'org/tiny',
    revision: COMMIT,
  });
  expect(said[0]).toBe('planned config.json tokenizer.json model.safetensors');
  expect(said.slice(-5).map((line) => line.split(' ')[1])).toEqual([
    '0',
    '256',
    '512',
    '768',
    '1000',
  ]);
  expect(hub.reads.filter((read) => read.startsWith('model'))).toEqual([
    'model.safetensors 0-256',
    'model.safetensors 256-512',
    'model.safetensors 512-768',
    'model.safetensors 768-1000',
  ]);
});

it('reads nothing a second time', async () => {
  await fetchTiny();
  hub.reads.length = 0;
  const said = await fetchTiny();
  expect(hub.reads).toEqual([]);
  expect(said.slice(1).every((line) => line.endsWith(' kept'))).toBe(true);
});

it('fetches a named file alone', async () => {
  await fetchTiny({ only: ['README.md'] });
  expect(readdirSync(target()).sort()).toEqual(['README.md', 'hub.json']);
});

it('goes on where a stopped program was', async () => {
  mkdirSync(target());
  writeFileSync(path('model.safetensors.part'), weights.subarray(0, 600));
  await fetchTiny();
  expect(readFileSync(path('model.safetensors'))).toEqual(weights);
  expect(hub.reads.filter((read) => read.startsWith('model'))).toEqual([
    'model.safetensors 600-856',
    'model.safetensors 856-1000',
  ]);
});

it('starts anew where what was left is of another file', async () => {
  mkdirSync(target());
  writeFileSync(path('model.safetensors.part'), Buffer.alloc(600, 1));
  await fetchTiny();
  expect(readFileSync(path('model.safetensors'))).toEqual(weights);
  expect(hub.reads).toContain('model.safetensors 0-256');
});

it('replaces a file that is not the published one', async () => {
  mkdirSync(target());
  writeFileSync(path('config.json'), '{"model_type":"xxxxx"}');
  await fetchTiny();
  expect(readFileSync(path('config.json'), 'utf8')).toBe('{"model_type":"llama"}');
});

it('outlives cut connections and an overloaded server', async () => {
  let cuts = 0;
  hub.fault = (request, response, name) => {
    if (name !== 'model.safetensors' || cuts >= 2) return false;
    cuts += 1;
    if (cuts === 1) {
      response.writeHead(503).end('busy');
      return true;
    }
    const [from, to] = rangeOf(request, weights.length);
    response.writeHead(206, { 'content-length': to - from });
    response.write(weights.subarray(from, from + 10));
    setTimeout(() => response.destroy(), 5);
    return true;
  };
  await fetchTiny();
  expect(cuts).toBe(2);
  expect(readFileSync(path('model.safetensors'))).toEqual(weights);
});

it('gives up on a connection that is cut every time, and keeps what it has', async () => {
  hub.fault = (request, response, name) => {
    const cut = name === 'model.safetensors' && rangeOf(request, weights.length)[0] >= 512;
    if (cut) response.destroy();
    return cut;
  };
  const error = await refusal(fetchTiny());
  expect(error.message).toMatch(/^model\.safetensors: .*, at byte 512 of 1000$/);
  expect(error.hint).toBe('run it again: it goes on where it was');
  expect(readFileSync(path('model.safetensors.part'))).toEqual(weights.subarray(0, 512));
  expect(existsSync(path('model.safetensors'))).toBe(false);
});

describe('refuses, in words', () => {
  it.each([true, false])('a wrong digest (large: %s), and keeps nothing', async (large) => {
    await hub.close();
    hub = await startHub(
      new Map([...files, ['config.json', { content: Buffer.from('{}'), large, digest: 'ab12' }]]),
    );
    const error = await refusal(fetchTiny());
    expect(error.message).toContain(large ? 'config.json has the SHA-256' : 'has the git digest');
    expect(error.message).toContain('but the Hub states ab12');
    expect(readdirSync(target())).toEqual(['hub.json']);
  });

  it('a model that is not there', async () => {
    const model = { name: 'org/none', revision: COMMIT };
    const error = await refusal(fetchTiny({ model }));
    expect(error.message).toBe(`the Hub has no org/none@${COMMIT} (404)`);
  });

  it('a gated model, with what to do', async () => {
    const error = await refusal(fetchTiny({ model: { name: 'org/gated', revision: COMMIT } }));
    expect(error.message).toBe(`the Hub refuses org/gated@${COMMIT} (401)`);
    expect(error.hint).toContain('HF_TOKEN');
  });

  it('a server that knows no ranges', async () => {
    hub.fault = (_request, response, name) => {
      if (name !== 'model.safetensors') return false;
      response.writeHead(200).end(weights);
      return true;
    };
    const error = await refusal(fetchTiny());
    expect(error.message).toBe('model.safetensors: asked for 256 bytes from 0, got 1000');
  });

  it('a server that is not there', async () => {
    const access = { hubUrl: 'http://127.0.0.1:9' };
    const error = await refusal(resolveRevision({ name: 'org/tiny', revision: 'main' }, access));
    expect(error.message).toContain('the Hub is not reached');
  });

  it.skipIf(!existsSync('/dev/full'))('a full disk', async () => {
    mkdirSync(target());
    symlinkSync('/dev/full', path('model.safetensors.part'));
    const error = await refusal(fetchTiny());
    expect(error.message).toBe('model.safetensors: the disk is full (ENOSPC)');
  });

  it('another commit into the same folder', async () => {
    await fetchTiny();
    writeFileSync(path('hub.json'), JSON.stringify({ name: 'org/tiny', revision: 'f'.repeat(40) }));
    const error = await refusal(fetchTiny());
    expect(error.message).toContain(`holds org/tiny@${'f'.repeat(40)}`);
  });

  it('files that the repository does not have', async () => {
    const error = await refusal(fetchTiny({ only: ['model.gguf'] }));
    expect(error.message).toBe('org/tiny has no file model.gguf');
    expect(error.hint).toContain('README.md, config.json');
  });
});

it('learns the commit that a branch means', async () => {
  const access = { hubUrl: hub.url };
  expect(await resolveRevision({ name: 'org/tiny', revision: 'main' }, access)).toBe(COMMIT);
  const given = 'f'.repeat(40);
  expect(await resolveRevision({ name: 'org/tiny', revision: given }, access)).toBe(given);
});

it('takes no name from the network for a path', async () => {
  await hub.close();
  const evil = { content: Buffer.from('x') };
  hub = await startHub(
    new Map([
      ...files,
      ['../evil', evil],
      ['/etc/evil', evil],
      ['.npmrc', evil],
      ['hub.json', evil],
    ]),
  );
  for (const name of ['../evil', '/etc/evil', '.npmrc', 'hub.json']) {
    expect((await refusal(fetchTiny({ only: [name] }))).message).toContain('has no file');
  }
});
