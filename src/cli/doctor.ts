/**
 * `pipe doctor`: what this machine offers and what is in the way: Node, the permission model, cores,
 * memory, disk, links, and which TensorFlow.js backend would serve and why.
 */
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Command } from './command.ts';
import { fileOption, jsonOption } from './common-options.ts';
import { formatBytes } from './duration.ts';
import { findProject, type Project } from './project.ts';
import { backendOption } from './run-options.ts';
import { formatTable } from './table.ts';

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly says: string;
}

interface BackendChoice {
  readonly name: string;
  readonly reason: string;
  readonly considered: readonly {
    readonly name: string;
    readonly usable: boolean;
    readonly reason: string;
  }[];
}

export const doctorCommand: Command = {
  name: 'doctor',
  usage: 'doctor',
  summary: 'what this machine offers, which backend would serve and why',
  options: [fileOption, backendOption, jsonOption],
  run: async (invocation) => {
    const project = findProject(process.cwd(), invocation.text('file'));
    const findings = [
      ...machineFindings(),
      ...storeFindings(project),
      ...(await backendFindings(invocation.text('backend'))),
    ];
    if (invocation.flag('json')) process.stdout.write(`${JSON.stringify(findings)}\n`);
    else
      process.stdout.write(
        `${formatTable(findings.map(({ what, ok, says }) => [ok ? 'ok' : '--', what, says]))}\n`,
      );
    return 0;
  },
};

function machineFindings(): Finding[] {
  return [
    { what: 'node', ok: true, says: `${process.version} on ${process.platform} ${process.arch}` },
    { what: 'cores', ok: true, says: String(availableParallelism()) },
    {
      what: 'memory',
      ok: true,
      says: `${formatBytes(totalmem())}, ${formatBytes(freemem())} free`,
    },
  ];
}

function storeFindings(project: Project): Finding[] {
  const folder = project.storeFolder;
  mkdirSync(folder, { recursive: true });
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  return [
    { what: 'disk', ok: freeBytes > 2 ** 30, says: `${formatBytes(freeBytes)} free for ${folder}` },
    writableFinding(folder),
    linkFinding(folder),
  ];
}

function writableFinding(folder: string): Finding {
  try {
    accessSync(folder, constants.W_OK);
    return { what: 'store', ok: true, says: 'writable' };
  } catch (error) {
    return { what: 'store', ok: false, says: (error as Error).message };
  }
}

/** How artifacts/ will show what is in the store: as reflinks, hard links or copies. */
function linkFinding(folder: string): Finding {
  const scratch = mkdtempSync(join(folder, 'doctor-'));
  const source = join(scratch, 'source');
  writeFileSync(source, 'x');
  try {
    const attempts = [
      [
        'reflinks',
        () => copyFileSync(source, join(scratch, 'reflink'), constants.COPYFILE_FICLONE_FORCE),
      ],
      ['read-only hard links', () => linkSync(source, join(scratch, 'link'))],
    ] as const;
    const works = attempts.find(([, attempt]) => succeeds(attempt));
    return { what: 'artifacts', ok: true, says: `shown as ${works?.[0] ?? 'copies'}` };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whether the file system can do it; any refusal is the answer, not a failure. */
function succeeds(attempt: () => void): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** Asked of a process of its own, since trying a backend may take a GPU or end the process. */
async function backendFindings(requested: string | undefined): Promise<Finding[]> {
  const probe = join(import.meta.dirname, 'probe.mjs');
  if (!existsSync(probe))
    return [{ what: 'backend', ok: false, says: `${probe} is missing: run npm ci again` }];
  const env = requested === undefined ? process.env : { ...process.env, PIPE_BACKEND: requested };
  const { code, stdout, stderr } = await outputOf(probe, env);
  if (code !== 0)
    return [
      { what: 'backend', ok: false, says: stderr.trim().split('\n').at(-1) ?? `exit ${code}` },
    ];
  const choice = JSON.parse(stdout) as BackendChoice;
  const considered = choice.considered.map(({ name, usable, reason }) => ({
    what: `  ${name}`,
    ok: usable,
    says: reason,
  }));
  return [{ what: 'backend', ok: true, says: `${choice.name}: ${choice.reason}` }, ...considered];
}

function outputOf(
  script: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      chunks.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      chunks.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...chunks }));
  });
}
