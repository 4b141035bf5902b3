/**
 * A model of the Hugging Face Hub into a folder, at one commit, every file verified by the digest that
 * the Hub states. Knows no terminal.
 */
import { mkdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import { download, isPresent } from './download.ts';
import { explainRefusal, HubError } from './hub-error.ts';
import { isCommit, type ModelName } from './model-name.ts';
import { type HubFile, wantedFiles } from './wanted-files.ts';

export interface HubAccess {
  readonly hubUrl: string;
  readonly token?: string;
}

export interface FetchJob {
  readonly model: ModelName;
  /** Made where it is missing. */
  readonly folder: string;
  /** Only these files; none means all that a model's folder needs. */
  readonly only: readonly string[];
  readonly partBytes?: number;
  readonly retryDelaysMs?: readonly number[];
}

export interface FetchEvents {
  /** Before anything is downloaded. */
  planned(files: readonly HubFile[]): void;
  /** `kept`: it was there already. */
  progress(file: HubFile, doneBytes: number, kept: boolean): void;
}

/** In a model's folder: where it comes from. */
const SOURCE = 'hub.json';
const PART_BYTES = 16 * 2 ** 20;
const RETRY_DELAYS_MS = [500, 2_000, 8_000, 30_000];

/** The commit that a branch or tag means now. @throws HubError */
export async function resolveRevision(model: ModelName, access: HubAccess): Promise<string> {
  if (isCommit(model.revision)) return model.revision;
  const what = `${model.name}@${model.revision}`;
  const info = await asking(what, () =>
    modelInfo({ ...model, ...credentials(access), additionalFields: ['sha'] }),
  );
  if (isCommit(info.sha)) return info.sha;
  throw new HubError(`the Hub gives no commit for ${what}`);
}

/** @throws HubError */
export async function fetchModel(
  job: FetchJob,
  access: HubAccess,
  events: FetchEvents,
): Promise<void> {
  const { model, folder } = job;
  const files = wantedFiles(await filesOf(model, access), job.only, model.name);
  mkdirSync(folder, { recursive: true });
  requireSameSource(folder, model);
  requireRoom(folder, files);
  events.planned(files);
  writeSource(folder, model);
  for (const file of files) await fetchFile(file, job, access, events);
}

async function fetchFile(
  file: HubFile,
  { model, folder, partBytes = PART_BYTES, retryDelaysMs = RETRY_DELAYS_MS }: FetchJob,
  access: HubAccess,
  events: FetchEvents,
): Promise<void> {
  const path = join(folder, file.path);
  if (await isPresent(path, file)) return events.progress(file, file.sizeBytes, true);
  const blob = await blobOf(file, model, access);
  const read = async (from: number, to: number): Promise<Uint8Array> => {
    try {
      return new Uint8Array(await blob.slice(from, to).arrayBuffer());
    } catch (error) {
      throw passing(error) ? error : explainRefusal(error, `${model.name}: ${file.path}`);
    }
  };
  await download(path, file, read, {
    partBytes,
    retryDelaysMs,
    progress: (doneBytes) => events.progress(file, doneBytes, false),
  });
}

/** A server that is overloaded may answer the next time. */
function passing(error: unknown): boolean {
  const status = (error as { statusCode?: number }).statusCode;
  return status === 429 || (status !== undefined && status >= 500);
}

/** A handle on the remote file; nothing is read yet. */
async function blobOf(file: HubFile, model: ModelName, access: HubAccess): Promise<Blob> {
  const { name, revision } = model;
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const blob = await downloadFile({
    ...credentials(access),
    repo: { type: 'model', name },
    path: file.path,
    revision,
    xet: false, // ranges of the plain file are what can be resumed
    downloadInfo: {
      size: file.sizeBytes,
      etag: file.digest.hex,
      url: `${access.hubUrl}/${name}/resolve/${revision}/${path}`,
    },
  });
  if (blob) return blob;
  throw new HubError(`the Hub has no ${name}: ${file.path}`);
}

async function filesOf({ name, revision }: ModelName, access: HubAccess): Promise<HubFile[]> {
  return asking(`${name}@${revision}`, async () => {
    const found: HubFile[] = [];
    const repo = { type: 'model', name } as const;
    for await (const entry of listFiles({ repo, revision, ...credentials(access) })) {
      if (entry.type !== 'file' || !isPlainName(entry.path)) continue;
      const digest = entry.lfs
        ? ({ kind: 'sha256', hex: entry.lfs.oid } as const)
        : ({ kind: 'git', hex: entry.oid ?? '' } as const);
      found.push({ path: entry.path, sizeBytes: entry.lfs?.size ?? entry.size, digest });
    }
    return found;
  });
}

/** A name from the network becomes a path: nothing but a plain file name may. */
function isPlainName(path: string): boolean {
  return /^[\w][\w.+ -]*$/.test(path) && path !== SOURCE;
}

async function asking<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const explained = explainRefusal(error, what);
    if (explained !== error || !(error instanceof TypeError)) throw explained;
    // Node's fetch throws a TypeError when there is no connection.
    const reason = (error.cause as Error | undefined)?.message ?? error.message;
    throw new HubError(`the Hub is not reached (${reason})`, 'see HF_ENDPOINT, or --hub', {
      cause: error,
    });
  }
}

function credentials({ hubUrl, token }: HubAccess) {
  return { hubUrl, ...(token === undefined ? {} : { accessToken: token }) };
}

/** Two states of a model must not mix in one folder. */
function requireSameSource(folder: string, { name, revision }: ModelName): void {
  const file = join(folder, SOURCE);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return;
  const found = JSON.parse(readFileSync(file, 'utf8')) as ModelName;
  if (found.name === name && found.revision === revision) return;
  throw new HubError(
    `${folder} holds ${found.name}@${found.revision}`,
    'give another folder, or remove that one',
  );
}

function writeSource(folder: string, { name, revision }: ModelName): void {
  writeFileSync(join(folder, SOURCE), `${JSON.stringify({ name, revision }, null, 2)}\n`);
}

function requireRoom(folder: string, files: readonly HubFile[]): void {
  const missing = files.reduce((sum, { path, sizeBytes }) => {
    const there = [join(folder, path), join(folder, `${path}.part`)].map(
      (file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0,
    );
    return sum + Math.max(0, sizeBytes - Math.max(...there));
  }, 0);
  const { bavail, bsize } = statfsSync(folder);
  if (missing <= bavail * bsize) return;
  const [needed, free] = [missing, bavail * bsize].map((bytes) => (bytes / 1e9).toFixed(2));
  throw new HubError(`${folder}: ${needed} GB are to come, and ${free} GB are free`, 'make room');
}
