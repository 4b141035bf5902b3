/**
 * What shapes an adapter, and the research note's choices. Types and constants only.
 */

export interface AdapterConfig {
  /** Width of the model's hidden states. */
  readonly width: number;
  /** Width between `up` and `down`. */
  readonly hidden: number;
  /** 0 makes an untrained memory an identity. */
  readonly gateInit: number;
  /** Whether the update is normalised before the gate. */
  readonly norm: boolean;
  readonly normEps: number;
}

export const noteMemory: Omit<AdapterConfig, 'width'> = {
  hidden: 128,
  gateInit: 1,
  norm: true,
  normEps: 1e-5,
};

/** Parameters of one layer: 259 d + 129 at the note's size, the norm included. */
export function adapterParameters({ width, hidden, norm }: AdapterConfig): number {
  return 2 * width * hidden + hidden + width + (norm ? 2 * width : 0) + 1;
}
