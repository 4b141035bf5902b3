/** What the traces tell of where artifacts come from, as one record a task. Knows no terminal. */
import type { Trace } from '../store/trace.ts';
import type { Current } from './current.ts';

export interface Provenance {
  readonly task: string;
  readonly key: string;
  /** By output: its SHA-256 and size. */
  readonly outputs: Trace['outputs'];
  /** Digest of the bundled code, or the command. */
  readonly code: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly params: Trace['fingerprint']['params'];
  readonly seed: number;
  readonly machine: string;
  readonly platform: string;
  readonly node: string;
  /** The task's metric `backend`, where it reports one. */
  readonly backend: string | undefined;
  readonly finishedAt: string;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakRssBytes: number;
}

/** Upstream first. */
export function provenanceOf({ traces }: Current): Provenance[] {
  return [...traces].map(([task, { key, fingerprint, outputs, metrics, cost, provenance }]) => {
    const { code, params, seed } = fingerprint;
    const { machine = 'not recorded', platform, node, finishedAt } = provenance;
    const backend = typeof metrics?.backend === 'string' ? metrics.backend : undefined;
    const { wallMs, cpuMs, peakRssBytes } = cost;
    return {
      task,
      key,
      outputs,
      code: code.kind === 'module' ? code.bundle : code.command,
      packages: code.kind === 'module' ? code.packages : {},
      params,
      seed,
      machine,
      platform,
      node,
      backend,
      finishedAt,
      wallMs,
      cpuMs,
      peakRssBytes,
    };
  });
}
