/**
 * Rotary position embeddings (Su et al., 2021) in the half-rotation form of GPT-NeoX and LLaMA: the
 * first `dims` of each head are two halves that turn against each other; the rest passes unchanged.
 */
export interface Rotary {
  /** Rotated dimensions of a head; even, at most the head's size. */
  readonly dims: number;
  readonly base: number;
}

export interface Angles {
  /** (positions, dims / 2), row-major. */
  readonly cosines: Float32Array;
  readonly sines: Float32Array;
  /** dims / 2. */
  readonly half: number;
}

let latest: { readonly name: string; readonly angles: Angles } | undefined;

/** The angles of positions `from`, `from + 1`, … (`count` of them); all blocks ask for the same ones. */
export function rotaryAngles(rotary: Rotary, from: number, count: number): Angles {
  const name = `${rotary.dims} ${rotary.base} ${from} ${count}`;
  if (latest?.name !== name) latest = { name, angles: computeAngles(rotary, from, count) };
  return latest.angles;
}

function computeAngles({ dims, base }: Rotary, from: number, count: number): Angles {
  const half = dims / 2;
  const cosines = new Float32Array(count * half);
  const sines = new Float32Array(count * half);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < half; i++) {
      // PyTorch's tables are float32 throughout; rounding the frequency keeps long texts in step.
      const angle = Math.fround((from + row) * Math.fround(base ** ((-2 * i) / dims)));
      cosines[row * half + i] = Math.cos(angle);
      sines[row * half + i] = Math.sin(angle);
    }
  }
  return { cosines, sines, half };
}

/**
 * Turns, in place, the head that starts at `values[start]` by the angles of row `position`; `sign` −1
 * turns it back, which is also the gradient.
 */
export function rotateHead(
  values: Float32Array,
  start: number,
  { cosines, sines, half }: Angles,
  position: number,
  sign: 1 | -1,
): void {
  const table = position * half;
  for (let i = 0; i < half; i++) {
    const cosine = cosines[table + i]!;
    const sine = sign * sines[table + i]!;
    const a = values[start + i]!;
    const b = values[start + half + i]!;
    values[start + i] = a * cosine - b * sine;
    values[start + half + i] = b * cosine + a * sine;
  }
}
